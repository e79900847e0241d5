// Reloads this page when the site changes. `runserver` adds it to pages while DEBUG is on.
//
// Only visible pages listen, and of these one listens for all: a stream occupies a connection, and
// a browser opens no more than six to one site.
(() => {
  const script = document.currentScript
  const events = new URL("events/", script.src).href
  const { page, styles, posted } = script.dataset
  const shown = { page, styles } // the version of the site that this page was made by
  const edited = new WeakSet() // forms, and fields outside forms
  const loading = new Set() // stylesheets
  const note = document.createElement("div")
  let listening = null // an AbortController
  let isDue = false
  script.remove()
  if (origin === "null") return // a sandboxed frame may not ask the site

  function start() {
    if (listening || document.hidden) return
    listening = new AbortController()
    const { signal } = listening
    const channel = new BroadcastChannel(events)
    let latest = null // the version, in the page that listens for all
    function share(version) {
      latest = version
      channel.postMessage(version)
      receive(version)
    }
    channel.onmessage = ({ data }) => {
      if (data) receive(data)
      else if (latest) channel.postMessage(latest)
    }
    channel.postMessage(null) // asks for the latest version
    signal.addEventListener("abort", () => channel.close())
    // Browsers have locks for this machine and for HTTPS. On a phone, each page listens by itself.
    if (navigator.locks) navigator.locks.request(events, { signal }, () => listen(share, signal)).catch(() => {})
    else listen(share, signal)
    reload()
  }

  function stop() {
    listening?.abort()
    listening = null
  }

  async function listen(share, signal) {
    let pause = 50
    while (!signal.aborted) {
      try {
        for await (const version of versions(signal)) {
          share(version)
          pause = 50
        }
      } catch {
        // The server restarts or has stopped.
      }
      await sleep(pause, signal)
      pause = Math.min(2 * pause, 1000)
    }
  }

  function sleep(milliseconds, signal) {
    return new Promise(resolve => {
      setTimeout(resolve, milliseconds)
      signal.addEventListener("abort", resolve)
    })
  }

  // Not by an EventSource: it hides the headers of an error, and never asks again after one.
  async function* versions(signal) {
    const response = await fetch(events, { cache: "no-store", signal })
    const error = response.headers.get("X-Djng-Error")
    if (error) yield { page: error } // the site cannot start
    if (!response.ok) return
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    let text = ""
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const messages = (text + part.value).split("\n\n")
      text = messages.pop()
      for (const message of messages) yield JSON.parse(message.replace("data: ", ""))
    }
  }

  function receive(version) {
    if (version.page !== shown.page) {
      shown.page = version.page
      isDue = true
      reload()
    } else if (version.styles !== shown.styles) {
      shown.styles = version.styles
      refreshStylesheets()
    }
  }

  function reload() {
    if (!isDue || !listening) return
    if (posted !== undefined) show("The site has changed. Send the form again to see the change.")
    else if (isTyping()) show("The site has changed. This page reloads when you leave the form.")
    else {
      isDue = false
      location.reload()
    }
  }

  function isTyping() {
    const field = document.activeElement
    const inner = field?.contentDocument?.activeElement // that of an editor in a frame
    return edited.has(field?.form ?? field) || Boolean(inner?.isContentEditable)
  }

  function show(text) {
    note.textContent = text
    note.style.cssText =
      "position: fixed; right: 1rem; bottom: 1rem; z-index: 2147483647; padding: .5rem .8rem; " +
      "border-radius: .4rem; font: 14px/1.4 system-ui, sans-serif; background: #1d2129; color: #fff"
    document.body.append(note)
  }

  // The old stylesheet stays until the new one has loaded, so that the page is never without one.
  function refreshStylesheets() {
    for (const copy of loading) copy.remove()
    loading.clear()
    const links = [...document.querySelectorAll('link[rel~="stylesheet"]')]
    const own = links.filter(link => !link.disabled && link.href.startsWith(`${origin}/`))
    own.forEach(refresh)
    isDue ||= own.length === 0
    reload()
  }

  function refresh(link) {
    const url = new URL(link.href)
    url.searchParams.set("reload", shown.styles)
    const copy = link.cloneNode()
    loading.add(copy)
    copy.href = url
    copy.onload = () => {
      loading.delete(copy)
      link.remove()
    }
    copy.onerror = () => copy.remove()
    link.after(copy)
  }

  addEventListener("input", ({ target }) => edited.add(target.form ?? target), true)
  addEventListener("reset", ({ target }) => edited.delete(target))
  addEventListener("submit", event => {
    edited.delete(event.target)
    if (!event.defaultPrevented) stop() // the page is about to go
  })
  // A click on a link or button takes the focus before it acts: let it act.
  addEventListener("focusout", () => setTimeout(reload, 300))
  addEventListener("pagehide", stop)
  addEventListener("pageshow", start)
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()))
  start()
})()
