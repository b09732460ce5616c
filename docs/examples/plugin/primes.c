/*
 * A native plugin: counts prime numbers on a thread of its own while other fibers run on, and keeps
 * what it found in an object. Build: cc -shared -fPIC -pthread -o libprimes.so primes.c
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perilune/plugin.h"

/* -- primes.count(limit) -> number: suspends ----------------------------------------------------- */

typedef struct {
  const perilune_host* host;
  perilune_token* token;
  double limit;
  atomic_int stop; /* set by `cancel`: nobody waits any more */
} job;

static void stop_job(void* data) { atomic_store(&((job*)data)->stop, 1); }

static void* run_job(void* data) {
  job* work = data;
  double found = 0;
  for (double n = 2; n <= work->limit && !atomic_load(&work->stop); ++n) {
    int prime = 1;
    for (double d = 2; d * d <= n && prime; ++d) prime = (long long)n % (long long)d != 0;
    found += prime;
  }
  if (atomic_load(&work->stop)) {
    work->host->abandon(work->token);
  } else {
    perilune_value result = {.type = PERILUNE_NUMBER, .as.number = found};
    work->host->complete(work->token, &result, 1);
  }
  free(work); /* only now: until `complete` was entered `cancel` may come */
  return NULL;
}

static int count(const perilune_host* host, perilune_call* call, void* unused) {
  (void)unused;
  perilune_value limit = host->argument(call, 1);
  if (limit.type != PERILUNE_NUMBER || !(limit.as.number <= 1e9))
    return host->fail_argument(call, 1, "number up to 1e9 expected");
  job* work = calloc(1, sizeof *work);
  if (work == NULL) return host->fail(call, "generic", ENOMEM, NULL);
  work->host = host;
  work->limit = limit.as.number;
  work->token = host->suspend(call, "primes.count", stop_job, work);
  if (work->token == NULL) {
    free(work);
    return PERILUNE_FAILED;
  }
  perilune_token* token = work->token;
  pthread_t thread;
  int error = pthread_create(&thread, NULL, run_job, work);
  if (error != 0) {
    host->abandon(token);
    free(work);
    return host->fail(call, "generic", error, "no thread for primes.count");
  }
  pthread_detach(thread);
  return PERILUNE_SUSPENDED;
}

/* -- primes.sieve(limit) -> object --------------------------------------------------------------- */

typedef struct {
  perilune_vm* vm;
  const perilune_host* host;
  size_t limit;
  unsigned char composite[];
} sieve;

static void finalise_sieve(void* data) {
  sieve* self = data;
  self->host->release(self->vm, sizeof(sieve) + self->limit + 1);
  free(self);
}

static int sieve_has(const perilune_host* host, perilune_call* call, void* unused);

static const perilune_entry sieve_methods[] = {{"has", sieve_has, NULL, 0}};
static const perilune_class sieve_class = {sizeof(perilune_class), "primes.sieve", sieve_methods, 1,
                                           finalise_sieve};

static int sieve_has(const perilune_host* host, perilune_call* call, void* unused) {
  (void)unused;
  const sieve* self = host->object(call, 1, &sieve_class);
  if (self == NULL) return host->fail_argument(call, 1, "primes.sieve expected");
  perilune_value n = host->argument(call, 2);
  if (n.type != PERILUNE_NUMBER) return host->fail_argument(call, 2, "number expected");
  if (!(n.as.number >= 0 && n.as.number <= (double)self->limit))
    return host->fail(call, "primes", 1, "beyond the sieve's limit");
  size_t i = (size_t)n.as.number;
  perilune_value result = {.type = PERILUNE_BOOLEAN};
  result.as.boolean = i >= 2 && !self->composite[i];
  return host->result(call, &result);
}

static int new_sieve(const perilune_host* host, perilune_call* call, void* unused) {
  (void)unused;
  perilune_value limit = host->argument(call, 1);
  if (limit.type != PERILUNE_NUMBER || !(limit.as.number >= 2 && limit.as.number <= 1e9))
    return host->fail_argument(call, 1, "number from 2 to 1e9 expected");
  size_t size = (size_t)limit.as.number;
  perilune_vm* vm = host->vm(call);
  /* What a script can make us hold counts against its limit. */
  if (!host->charge(vm, sizeof(sieve) + size + 1)) return host->fail(call, "generic", ENOMEM, NULL);
  sieve* self = calloc(1, sizeof(sieve) + size + 1);
  if (self == NULL) {
    host->release(vm, sizeof(sieve) + size + 1);
    return host->fail(call, "generic", ENOMEM, NULL);
  }
  self->vm = vm;
  self->host = host;
  self->limit = size;
  for (size_t i = 2; i * i <= size; ++i)
    for (size_t j = i * i; !self->composite[i] && j <= size; j += i) self->composite[j] = 1;
  perilune_value result = {.type = PERILUNE_OBJECT, .as.object = {&sieve_class, self}};
  return host->result(call, &result);
}

/* -- primes.upper(text | span) -> text: how bytes go in and out ------------------------------------ */

static int upper(const perilune_host* host, perilune_call* call, void* unused) {
  (void)unused;
  perilune_value text = host->argument(call, 1);
  const char* data = text.type == PERILUNE_SPAN ? text.as.span.data : text.as.string.data;
  size_t size = text.type == PERILUNE_SPAN ? text.as.span.size : text.as.string.size;
  if (text.type != PERILUNE_STRING && text.type != PERILUNE_SPAN)
    return host->fail_argument(call, 1, "string or byte_span expected");
  char* copy = malloc(size + 1);
  if (copy == NULL) return host->fail(call, "generic", ENOMEM, NULL);
  for (size_t i = 0; i < size; ++i)
    copy[i] = data[i] >= 'a' && data[i] <= 'z' ? (char)(data[i] - 32) : data[i];
  perilune_value result = {.type = PERILUNE_STRING, .as.string = {copy, size}};
  int status = host->result(call, &result);
  free(copy);
  return status;
}

/* -- the module ------------------------------------------------------------------------------------ */

static int open_primes(const perilune_host* host, perilune_call* call, void* unused) {
  (void)unused;
  perilune_value name = {.type = PERILUNE_STRING, .as.string = {"version", 7}};
  perilune_value value = {.type = PERILUNE_STRING, .as.string = {"1.0", 3}};
  if (host->result(call, &name) != PERILUNE_OK) return PERILUNE_FAILED;
  return host->result(call, &value);
}

static const perilune_entry functions[] = {
    {"count", count, NULL, 1}, {"sieve", new_sieve, NULL, 0}, {"upper", upper, NULL, 0}};

PERILUNE_EXPORT const perilune_plugin perilune_plugin_main = {
    PERILUNE_PLUGIN_ABI, sizeof(perilune_plugin), "primes", functions,
    sizeof functions / sizeof *functions, open_primes};
