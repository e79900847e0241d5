"""Write a site as files for a static host: `crawler` asks for the pages, `links` rewrites them."""
