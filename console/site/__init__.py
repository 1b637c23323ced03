"""The frame of all pages: site, URLs, middleware, overview, and the answer when no page can be shown."""
