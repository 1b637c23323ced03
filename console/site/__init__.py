"""The frame of all pages: site, URLs, middleware, overview, and what is answered when nothing can be."""
