"""While developing, mails are printed as people read them."""

SITE = """
from django.core.mail import EmailMultiAlternatives

LINK = "https://example.com/" + "a" * 100


@app.command
def write_mail():
    mail = EmailMultiAlternatives("Grüße", f"{LINK}?x=1 ü\\x1b[31m", "a@b.org", ["c@d.org"])
    mail.attach_alternative("<p>ü</p>", "text/html")
    mail.attach("bill.pdf", b"1", "application/pdf")
    mail.send()
"""


def test_a_printed_mail_is_readable(site):
    printed = site.write(SITE).succeed("write_mail", DJANGO_DEBUG="1")
    assert "Subject: Grüße\n" in printed
    assert f"\nhttps://example.com/{'a' * 100}?x=1 ü\\x1b[31m\n\n<p>ü</p>\n" in printed
    assert "attached: bill.pdf" in printed
