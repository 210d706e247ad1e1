"""What of the chart ome-resources is made from the code: roles, webhooks, and their table."""
