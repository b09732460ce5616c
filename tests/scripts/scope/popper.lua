scope_cleanup_pop()
