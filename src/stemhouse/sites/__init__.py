"""The site files: what a branded service is called, looks like, sells, allows and charges."""
