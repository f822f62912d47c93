"""The examples of the document, for the OpenAPI description; the contract tests replay them."""
