"""Tryton (series 8.2, REST): purchase requisitions asked for, submitted and approved."""
