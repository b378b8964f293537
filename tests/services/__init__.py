"""Real servers for the tests: each listens on 127.0.0.1 only and is gone when the run is gone."""
