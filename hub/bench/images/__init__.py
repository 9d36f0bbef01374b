"""Images: how large they are, how soon they are built, how soon they answer."""
