"""Rules of the mapping table: one module each, its docstring the manual page. ``hub check`` runs them all.

``registry`` lists them, ``run`` applies them, ``render`` prints what they find. Nothing here is known about
records or systems beyond what schemas and connector specs say.
"""
