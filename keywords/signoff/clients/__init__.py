"""Who is spoken to: servers over HTTP, PostgreSQL, the control plane."""
