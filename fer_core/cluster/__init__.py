"""More than one machine, with Ray: very many files, and many training runs at once.

Ray is imported only when it is asked for; see ``connection``.
"""
