/* Says that it has functions, and has none. */
#include "perilune/plugin.h"
PERILUNE_EXPORT const perilune_plugin perilune_plugin_main = {PERILUNE_PLUGIN_ABI, sizeof(perilune_plugin), "incomplete", 0, 3, 0};
