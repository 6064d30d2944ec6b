"""How the shared database came to its present tables, version by version. Run by alembic."""
