"""What of the charts is made from the code: CRDs, roles, webhooks, and their table."""
