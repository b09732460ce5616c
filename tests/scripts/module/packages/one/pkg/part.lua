name, context = 'one/pkg/part', _CONTEXT
