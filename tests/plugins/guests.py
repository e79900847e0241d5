import guestbook

from djng import Djng

app = Djng(apps=["guestbook"], GUESTBOOK_MAX_LENGTH=50)
guestbook.init_app(app)

if __name__ == "__main__":
    app.run()
