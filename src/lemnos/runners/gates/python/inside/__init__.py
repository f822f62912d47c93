"""Scripts for the Python of a project, in a folder of their own.

Python looks for modules beside a script first: there must be none whose name another one has.
"""
