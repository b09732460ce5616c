/* Everything that a plugin should not do and a host survives. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#include "perilune/plugin.h"

static int unknown_status(const perilune_host* host, perilune_call* call, void* data) {
  (void)host, (void)call, (void)data;
  return 99;
}
static int fails_silently(const perilune_host* host, perilune_call* call, void* data) {
  (void)host, (void)call, (void)data;
  return PERILUNE_FAILED;
}
/* Not registered as one that suspends. */
static int suspends(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  return host->suspend(call, "x", NULL, NULL) == NULL ? PERILUNE_FAILED : PERILUNE_SUSPENDED;
}
static int twice(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  perilune_token* token = host->suspend(call, "x", NULL, NULL);
  if (host->suspend(call, "y", NULL, NULL) != NULL) return PERILUNE_SUSPENDED;
  host->abandon(token);
  return PERILUNE_FAILED;
}
static int bad_value(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  perilune_value value = {.type = 77};
  return host->result(call, &value);
}
/* Completed before it has returned. */
static int at_once(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  perilune_token* token = host->suspend(call, "at_once", NULL, NULL);
  perilune_value values[2] = {{.type = PERILUNE_STRING, .as.string = {"a\0b", 3}}, {.type = PERILUNE_NIL}};
  host->complete(token, values, 2);
  return PERILUNE_SUSPENDED;
}
/* Never completes by itself: `cancel` does. */
static const perilune_host* waiting_host;
static void give_up(void* data) { waiting_host->abandon(*(perilune_token**)data), free(data); }
static int waits(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  perilune_token** place = malloc(sizeof *place);
  waiting_host = host;
  *place = host->suspend(call, "waits", give_up, place);
  return PERILUNE_SUSPENDED;
}
static void* fail_later(void* token) {
  waiting_host->complete_error(token, "misbehaves", 7, "failed later");
  return NULL;
}
static int later(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  waiting_host = host;
  perilune_token* token = host->suspend(call, "later", NULL, NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, fail_later, token);
  pthread_detach(thread);
  return PERILUNE_SUSPENDED;
}
static int abandoned(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  host->abandon(host->suspend(call, "abandoned", NULL, NULL));
  return PERILUNE_SUSPENDED;
}
static int types(const perilune_host* host, perilune_call* call, void* data) {
  (void)data;
  int status = PERILUNE_OK;
  for (int i = 1; i <= host->argument_count(call) + 1 && status == PERILUNE_OK; ++i) {
    perilune_value type = {.type = PERILUNE_NUMBER, .as.number = host->argument(call, i).type};
    status = host->result(call, &type);
  }
  return status;
}

static const perilune_entry functions[] = {
    {"unknown_status", unknown_status, NULL, 0}, {"fails_silently", fails_silently, NULL, 0},
    {"suspends", suspends, NULL, 0}, {"twice", twice, NULL, 1}, {"bad_value", bad_value, NULL, 0},
    {"at_once", at_once, NULL, 1}, {"waits", waits, NULL, 1}, {"later", later, NULL, 1},
    {"abandoned", abandoned, NULL, 1}, {"types", types, NULL, 0}};

PERILUNE_EXPORT const perilune_plugin perilune_plugin_main = {
    PERILUNE_PLUGIN_ABI, sizeof(perilune_plugin), "misbehaves", functions, sizeof functions / sizeof *functions, NULL};
