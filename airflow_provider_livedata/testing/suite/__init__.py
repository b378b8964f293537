"""The behaviours that every zone shows, a module each; ``testing.zone_suite`` puts them together."""
