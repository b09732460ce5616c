#include <array>
#include <cerrno>

#include "runtime/modules/ip_lua.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

enum Property : int {
  kIsV4,
  kIsV6,
  kIsLoopback,
  kIsMulticast,
  kIsUnspecified,
  kIsLinkLocal,
  kIsSiteLocal,
  kIsV4Mapped,
  kNodeLocal,
  kMulticastLinkLocal,
  kMulticastSiteLocal,
  kOrgLocal,
  kGlobal,
  kScopeId,
};

IpAddress& self(lua_State* L) { return check_object<IpAddress>(L, 1, address_class()); }

bool test(const IpAddress& address, int id) {
  switch (id) {
    case kIsV4: return !address.is_v6();
    case kIsV6: return address.is_v6();
    case kIsLoopback: return address.is_loopback();
    case kIsMulticast: return address.is_multicast();
    case kIsUnspecified: return address.is_unspecified();
    case kIsLinkLocal: return address.is_link_local();
    case kIsSiteLocal: return address.is_site_local();
    case kIsV4Mapped: return address.is_v4_mapped();
    case kNodeLocal: return address.multicast_scope() == 1;
    case kMulticastLinkLocal: return address.multicast_scope() == 2;
    case kMulticastSiteLocal: return address.multicast_scope() == 5;
    case kOrgLocal: return address.multicast_scope() == 8;
    default: return address.multicast_scope() == 14;
  }
}

int get(lua_State* L, int id) {
  const IpAddress& address = self(L);
  if (id >= kIsLinkLocal && !address.is_v6()) raise_core(L, CoreError::BadIndex);
  if (id == kScopeId) {
    lua_pushinteger(L, static_cast<lua_Integer>(address.scope()));
  } else {
    lua_pushboolean(L, test(address, id));
  }
  return 1;
}

void set(lua_State* L, int) {
  if (!self(L).is_v6()) raise_core(L, CoreError::BadIndex);
  self(L).set_scope(static_cast<std::uint32_t>(check_integer(L, 3, 0, UINT32_MAX)));
}

int l_to_v4(lua_State* L) {
  const auto address = self(L).to_v4();
  if (!address) raise_bad_argument(L, 1);
  push_address(L, *address);
  return 1;
}

int l_to_v6(lua_State* L) {
  push_address(L, self(L).to_v6());
  return 1;
}

int l_tostring(lua_State* L) {
  const std::string text = self(L).to_string();
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

int l_compare(lua_State* L, bool (*holds)(const IpAddress&, const IpAddress&)) {
  const auto* a = test_object<IpAddress>(L, 1, address_class());
  const auto* b = test_object<IpAddress>(L, 2, address_class());
  lua_pushboolean(L, a != nullptr && b != nullptr && holds(*a, *b));
  return 1;
}
int l_eq(lua_State* L) {
  return l_compare(L, [](const IpAddress& a, const IpAddress& b) { return a == b; });
}
int l_lt(lua_State* L) {
  return l_compare(L, [](const IpAddress& a, const IpAddress& b) { return a < b; });
}
int l_le(lua_State* L) {
  return l_compare(L, [](const IpAddress& a, const IpAddress& b) { return a <= b; });
}

int l_new(lua_State* L) {
  push_address(L, lua_isnoneornil(L, 1) ? IpAddress{} : check_address(L, 1));
  return 1;
}
int l_any_v4(lua_State* L) {
  push_address(L, IpAddress{});
  return 1;
}
int l_any_v6(lua_State* L) {
  push_address(L, IpAddress::v6({}));
  return 1;
}
int l_loopback_v4(lua_State* L) {
  push_address(L, IpAddress::loopback_v4());
  return 1;
}
int l_loopback_v6(lua_State* L) {
  push_address(L, IpAddress::loopback_v6());
  return 1;
}
int l_broadcast_v4(lua_State* L) {
  push_address(L, IpAddress::v4({255, 255, 255, 255}));
  return 1;
}

constexpr std::array<LuaFunction, 2> kMethods{{{"to_v4", l_to_v4}, {"to_v6", l_to_v6}}};
constexpr std::array<LuaProperty, 14> kReadable{{
    {"is_v4", kIsV4},
    {"is_v6", kIsV6},
    {"is_loopback", kIsLoopback},
    {"is_multicast", kIsMulticast},
    {"is_unspecified", kIsUnspecified},
    {"is_link_local", kIsLinkLocal},
    {"is_site_local", kIsSiteLocal},
    {"is_v4_mapped", kIsV4Mapped},
    {"is_multicast_node_local", kNodeLocal},
    {"is_multicast_link_local", kMulticastLinkLocal},
    {"is_multicast_site_local", kMulticastSiteLocal},
    {"is_multicast_org_local", kOrgLocal},
    {"is_multicast_global", kGlobal},
    {"scope_id", kScopeId},
}};
constexpr std::array<LuaProperty, 1> kWritable{{{"scope_id", kScopeId}}};
constexpr std::array<LuaFunction, 4> kMeta{
    {{"__tostring", l_tostring}, {"__eq", l_eq}, {"__lt", l_lt}, {"__le", l_le}}};

}  // namespace

const LuaClass& address_class() {
  static constexpr LuaClass kClass{
      "perilune.ip.address", "ip.address",      kMethods, kReadable, kWritable,
      lua_index<get>,        lua_newindex<set>, nullptr};
  return kClass;
}

void push_address(lua_State* L, const IpAddress& address) {
  push_object<IpAddress>(L, address_class(), address);
}

IpAddress check_address(lua_State* L, int index) {
  if (const auto* address = test_object<IpAddress>(L, index, address_class())) return *address;
  const auto parsed = IpAddress::parse(check_string(L, index));
  if (!parsed) raise_bad_argument(L, index);
  return *parsed;
}

std::uint16_t check_port(lua_State* L, int index) {
  return static_cast<std::uint16_t>(check_integer(L, index, 0, 65535));
}

bool check_family(lua_State* L, int index) {
  if (const auto* address = test_object<IpAddress>(L, index, address_class()))
    return address->is_v6();
  const std::string_view text = check_string(L, index);
  if (text != "v4" && text != "v6") raise_bad_argument(L, index);
  return text == "v6";
}

std::int64_t check_option_value(lua_State* L, int index) {
  if (lua_isboolean(L, index)) return lua_toboolean(L, index);
  return check_integer(L, index, 0, INT32_MAX);
}

void push_address_functions(lua_State* L) {
  static constexpr std::array<LuaFunction, 6> kFunctions{{
      {"new", l_new},
      {"any_v4", l_any_v4},
      {"any_v6", l_any_v6},
      {"loopback_v4", l_loopback_v4},
      {"loopback_v6", l_loopback_v6},
      {"broadcast_v4", l_broadcast_v4},
  }};
  push_class(L, address_class());
  set_functions(L, kMeta);
  lua_pop(L, 1);
  lua_newtable(L);
  set_functions(L, kFunctions);
}

}  // namespace perilune::runtime
