/*
 * perilune/plugin.h: native plugins for `perilune run`. C11 or C++; needs nothing else.
 *
 * A plugin is a shared library libNAME.so in a folder of PERILUNE_PATH or EMILUA_PATH; a program
 * gets it by require 'NAME'. It exports one object:
 *
 *     const perilune_plugin perilune_plugin_main = {
 *         PERILUNE_PLUGIN_ABI, sizeof(perilune_plugin), "NAME", functions, function_count, NULL};
 *
 * Rules
 *  - Everything runs on the VM's thread, except what says "any thread". A function must not block:
 *    it suspends its fiber (`suspend`), and whoever has the result calls `complete`, on any thread.
 *  - No host function raises or unwinds: each returns, and so must a plugin's functions. An error
 *    for the script is `return host->fail(...)`.
 *  - Texts and bytes of arguments belong to the script: they are valid until the function returns.
 *  - `host` is the same table for the life of the process.
 *
 * Compatibility: within one PERILUNE_PLUGIN_ABI structures only grow at their end, and each says
 * its size. A newer host loads a plugin that was made with an older header; check `host->size`
 * before you use a function that came later than the first version.
 */
#ifndef PERILUNE_PLUGIN_H
#define PERILUNE_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PERILUNE_PLUGIN_ABI 1u

#if defined(__GNUC__)
#define PERILUNE_EXPORT __attribute__((visibility("default")))
#else
#define PERILUNE_EXPORT
#endif

/* One call of a plugin's function by a script; valid until the function returns. */
typedef struct perilune_call perilune_call;
/* A suspended call: yours until `complete`, `complete_error` or `abandon`, exactly one of which
 * must be called for each. */
typedef struct perilune_token perilune_token;
/* The VM's memory account; valid as long as the VM. */
typedef struct perilune_vm perilune_vm;

typedef struct perilune_host perilune_host;
typedef struct perilune_class perilune_class;

/* What a function returns. */
enum {
  PERILUNE_OK = 0,       /* the results are those that `result` collected */
  PERILUNE_FAILED = 1,   /* `fail` was called, or memory ran out: the script gets an error */
  PERILUNE_SUSPENDED = 2 /* `suspend` was called: the fiber waits */
};

enum {
  PERILUNE_NIL = 0,
  PERILUNE_BOOLEAN = 1,
  PERILUNE_NUMBER = 2,
  PERILUNE_STRING = 3, /* bytes, not terminated */
  PERILUNE_SPAN = 4,   /* a byte_span's bytes, as argument only; may be written to */
  PERILUNE_OBJECT = 5, /* of a class of a plugin */
  PERILUNE_OTHER = 6   /* as argument only: a table, function, … */
};

typedef struct perilune_value {
  uint32_t type;
  union {
    int boolean;
    double number;
    struct {
      const char* data;
      size_t size;
    } string;
    struct {
      char* data;
      size_t size;
    } span;
    struct {
      const perilune_class* of;
      void* data;
    } object;
  } as;
} perilune_value;

/* `data` is the entry's. */
typedef int (*perilune_function)(const perilune_host* host, perilune_call* call, void* data);

typedef struct perilune_entry {
  const char* name;
  perilune_function function;
  void* data;
  int suspends; /* 1: it may call `suspend` */
} perilune_entry;

/* A class of objects that scripts hold as userdata. Must stay where it is. */
struct perilune_class {
  uint32_t size;    /* sizeof(perilune_class) */
  const char* name; /* what getmetatable gives, and error messages say */
  const perilune_entry* methods;
  size_t method_count;
  /* When the script's last reference went, on the VM's thread; for an object that was given to
   * `complete` and reached nobody, on any thread. May be NULL. */
  void (*finalise)(void* data);
};

struct perilune_host {
  uint32_t abi;
  uint32_t size;

  /* -- arguments (of a method, number 1 is the object) */
  int (*argument_count)(perilune_call* call);
  /* Argument `index` (from 1); PERILUNE_NIL beyond the last. */
  perilune_value (*argument)(perilune_call* call, int index);
  /* The data of an object of that class, or NULL if the argument is something else. */
  void* (*object)(perilune_call* call, int index, const perilune_class* of);

  /* -- results and errors: `return host->…(…)` */
  /* Appends a result (texts are copied) and returns PERILUNE_OK, or PERILUNE_FAILED if memory ran
   * out; then an object was finalised. */
  int (*result)(perilune_call* call, const perilune_value* value);
  /* An error code of `category` ("generic" takes an errno value; a name of your own works too);
   * `message` may be NULL. Returns PERILUNE_FAILED. */
  int (*fail)(perilune_call* call, const char* category, int code, const char* message);
  /* EINVAL with the field `arg`: "bad argument #index to 'NAME' (number expected)". Returns
   * PERILUNE_FAILED. */
  int (*fail_argument)(perilune_call* call, int index, const char* expected);

  /* -- suspension */
  /* The fiber will wait once the function has returned PERILUNE_SUSPENDED. `what` (a literal) names
   * the wait in dumps. `cancel`, unless NULL, is called on the VM's thread when nobody waits any
   * more (the fiber was interrupted, the VM ended): it may hurry the work; the token is still to be
   * completed or abandoned. It is never called once `complete` was entered, which waits for one
   * under way: so keep `data` until then, and hold no lock there that `cancel` takes. Returns NULL,
   * with the error set, where the fiber must not suspend: then return PERILUNE_FAILED. */
  perilune_token* (*suspend)(perilune_call* call, const char* what, void (*cancel)(void* data),
                             void* data);
  /* Any thread: resumes the fiber with these results (copied). */
  void (*complete)(perilune_token* token, const perilune_value* results, size_t count);
  /* Any thread: resumes it with an error. */
  void (*complete_error)(perilune_token* token, const char* category, int code,
                         const char* message);
  /* Any thread: the function failed after `suspend`; or the result will never come, and a fiber
   * that waits gets the error `operation_aborted`. */
  void (*abandon)(perilune_token* token);

  /* -- memory that you hold for the script */
  perilune_vm* (*vm)(perilune_call* call);
  /* 1, or 0 if the VM's limit would be passed. VM's thread. */
  int (*charge)(perilune_vm* vm, size_t bytes);
  void (*release)(perilune_vm* vm, size_t bytes);
};

typedef struct perilune_plugin {
  uint32_t abi;  /* PERILUNE_PLUGIN_ABI */
  uint32_t size; /* sizeof(perilune_plugin) */
  const char* name;
  const perilune_entry* functions;
  size_t function_count;
  /* Called once per VM before the script gets the module, as a function without arguments: its
   * results, in pairs of name and value, become fields too. May fail, must not suspend; or NULL. */
  perilune_function open;
} perilune_plugin;

/* extern const perilune_plugin perilune_plugin_main; */

#ifdef __cplusplus
}
#endif

#endif
