"""The database of documents, step by step; `kundenportal-documents migrate` runs them."""
