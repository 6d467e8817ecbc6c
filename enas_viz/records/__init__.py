"""What runs leave behind, in files that need no torch: traces, rankings, recordings, policies."""
