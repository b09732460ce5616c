/* A plugin from another time. */
#include "perilune/plugin.h"
PERILUNE_EXPORT const perilune_plugin perilune_plugin_main = {PERILUNE_PLUGIN_ABI + 1, sizeof(perilune_plugin), "wrong_abi", 0, 0, 0};
