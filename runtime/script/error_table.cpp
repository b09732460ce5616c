#include "runtime/script/error_table.hpp"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/modules/http_backend.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

using C = CoreError;
using H = HttpErrc;
using M = AsioMiscError;
using P = PeriluneError;

template <typename Code>
constexpr ErrorRow row(const char* name, Code code, const char* message, int generic = 0) {
  return {name, static_cast<int>(code), message, generic};
}
/// An errno: the C library has its text, and the number is the same in category `generic`.
constexpr ErrorRow row(const char* name, int number) { return {name, number, nullptr, 0}; }

// The POSIX names that std::errc has.
constexpr std::array kGeneric{
    row("E2BIG", E2BIG),
    row("EACCES", EACCES),
    row("EADDRINUSE", EADDRINUSE),
    row("EADDRNOTAVAIL", EADDRNOTAVAIL),
    row("EAFNOSUPPORT", EAFNOSUPPORT),
    row("EAGAIN", EAGAIN),
    row("EALREADY", EALREADY),
    row("EBADF", EBADF),
    row("EBADMSG", EBADMSG),
    row("EBUSY", EBUSY),
    row("ECANCELED", ECANCELED),
    row("ECHILD", ECHILD),
    row("ECONNABORTED", ECONNABORTED),
    row("ECONNREFUSED", ECONNREFUSED),
    row("ECONNRESET", ECONNRESET),
    row("EDEADLK", EDEADLK),
    row("EDESTADDRREQ", EDESTADDRREQ),
    row("EDOM", EDOM),
    row("EEXIST", EEXIST),
    row("EFAULT", EFAULT),
    row("EFBIG", EFBIG),
    row("EHOSTUNREACH", EHOSTUNREACH),
    row("EIDRM", EIDRM),
    row("EILSEQ", EILSEQ),
    row("EINPROGRESS", EINPROGRESS),
    row("EINTR", EINTR),
    row("EINVAL", EINVAL),
    row("EIO", EIO),
    row("EISCONN", EISCONN),
    row("EISDIR", EISDIR),
    row("ELOOP", ELOOP),
    row("EMFILE", EMFILE),
    row("EMLINK", EMLINK),
    row("EMSGSIZE", EMSGSIZE),
    row("ENAMETOOLONG", ENAMETOOLONG),
    row("ENETDOWN", ENETDOWN),
    row("ENETRESET", ENETRESET),
    row("ENETUNREACH", ENETUNREACH),
    row("ENFILE", ENFILE),
    row("ENOBUFS", ENOBUFS),
    row("ENODATA", ENODATA),
    row("ENODEV", ENODEV),
    row("ENOENT", ENOENT),
    row("ENOEXEC", ENOEXEC),
    row("ENOLCK", ENOLCK),
    row("ENOLINK", ENOLINK),
    row("ENOMEM", ENOMEM),
    row("ENOMSG", ENOMSG),
    row("ENOPROTOOPT", ENOPROTOOPT),
    row("ENOSPC", ENOSPC),
    row("ENOSR", ENOSR),
    row("ENOSTR", ENOSTR),
    row("ENOSYS", ENOSYS),
    row("ENOTCONN", ENOTCONN),
    row("ENOTDIR", ENOTDIR),
    row("ENOTEMPTY", ENOTEMPTY),
    row("ENOTRECOVERABLE", ENOTRECOVERABLE),
    row("ENOTSOCK", ENOTSOCK),
    row("ENOTSUP", ENOTSUP),
    row("ENOTTY", ENOTTY),
    row("ENXIO", ENXIO),
    row("EOPNOTSUPP", EOPNOTSUPP),
    row("EOVERFLOW", EOVERFLOW),
    row("EOWNERDEAD", EOWNERDEAD),
    row("EPERM", EPERM),
    row("EPIPE", EPIPE),
    row("EPROTO", EPROTO),
    row("EPROTONOSUPPORT", EPROTONOSUPPORT),
    row("EPROTOTYPE", EPROTOTYPE),
    row("ERANGE", ERANGE),
    row("EROFS", EROFS),
    row("ESPIPE", ESPIPE),
    row("ESRCH", ESRCH),
    row("ETIME", ETIME),
    row("ETIMEDOUT", ETIMEDOUT),
    row("ETXTBSY", ETXTBSY),
    row("EWOULDBLOCK", EWOULDBLOCK),
    row("EXDEV", EXDEV),
};

constexpr std::array kBasic{
    row("access_denied", EACCES),
    row("address_family_not_supported", EAFNOSUPPORT),
    row("address_in_use", EADDRINUSE),
    row("already_connected", EISCONN),
    row("already_started", EALREADY),
    row("bad_descriptor", EBADF),
    row("broken_pipe", EPIPE),
    row("connection_aborted", ECONNABORTED),
    row("connection_refused", ECONNREFUSED),
    row("connection_reset", ECONNRESET),
    row("fault", EFAULT),
    row("host_unreachable", EHOSTUNREACH),
    row("in_progress", EINPROGRESS),
    row("interrupted", EINTR),
    row("invalid_argument", EINVAL),
    row("message_size", EMSGSIZE),
    row("name_too_long", ENAMETOOLONG),
    row("network_down", ENETDOWN),
    row("network_reset", ENETRESET),
    row("network_unreachable", ENETUNREACH),
    row("no_buffer_space", ENOBUFS),
    row("no_descriptors", EMFILE),
    row("no_memory", ENOMEM),
    row("no_permission", EPERM),
    row("no_protocol_option", ENOPROTOOPT),
    row("no_such_device", ENODEV),
    row("not_connected", ENOTCONN),
    row("not_socket", ENOTSOCK),
    row("operation_aborted", ECANCELED),
    row("operation_not_supported", EOPNOTSUPP),
    row("shut_down", ESHUTDOWN),
    row("timed_out", ETIMEDOUT),
    row("try_again", EAGAIN),
    row("would_block", EWOULDBLOCK),
};

constexpr std::array kNetdb{
    row("host_not_found", HOST_NOT_FOUND, "Host not found (authoritative)"),
    row("host_not_found_try_again", TRY_AGAIN,
        "Host not found (non-authoritative), try again later"),
    row("no_data", NO_DATA, "The query is valid, but it does not have associated data"),
    row("no_recovery", NO_RECOVERY, "A non-recoverable error occurred during database lookup"),
};

constexpr std::array kAddrinfo{
    row("service_not_found", EAI_SERVICE, "Service not found"),
    row("socket_type_not_supported", EAI_SOCKTYPE, "Socket type not supported"),
};

constexpr std::array kMisc{
    row("already_open", M::AlreadyOpen, "Already open"),
    row("eof", M::Eof, "End of file"),
    row("fd_set_failure", M::FdSet, "The descriptor does not fit into the select call's fd_set"),
    row("not_found", M::NotFound, "Element not found"),
};

constexpr std::array kCore{
    row("invalid_module_name", C::InvalidModuleName, "Invalid module name"),
    row("module_not_found", C::ModuleNotFound, "Module not found"),
    row("root_cannot_import_parent", C::RootCannotImportParent,
        "The root module cannot import a parent module"),
    row("cyclic_import", C::CyclicImport, "Cyclic import"),
    row("leaf_cannot_import_child", C::LeafCannotImportChild,
        "A leaf module cannot import a child module"),
    row("only_main_fiber_may_import", C::OnlyMainFiberMayImport,
        "Only the main fiber may import modules"),
    row("bad_root_context", C::BadRootContext, "Bad root context"),
    row("bad_index", C::BadIndex, "Requested key wasn't found in the table/userdata"),
    row("bad_coroutine", C::BadCoroutine, "The fiber coroutine is reserved to the scheduler"),
    row("suspension_already_allowed", C::SuspensionAlreadyAllowed, "Suspension already allowed"),
    row("interruption_already_allowed", C::InterruptionAlreadyAllowed,
        "Interrupt-ability already allowed"),
    row("forbid_suspend_block", C::ForbidSuspendBlock,
        "Operation not permitted within a forbid-suspend block"),
    row("interrupted", C::Interrupted, "Fiber interrupted"),
    row("unmatched_scope_cleanup", C::UnmatchedScopeCleanup,
        "scope_cleanup_pop() called w/o a matching scope_cleanup_push()"),
    row("channel_closed", C::ChannelClosed, "Channel closed"),
    row("no_senders", C::NoSenders, "Broadcast the address before attempting to receive on it"),
    row("internal_module", C::InternalModule, "Can't import internal module"),
    row("raise_error", C::RaiseError, "Raise error"),
    row("bad_rdf", C::BadRdf, "Bad RDF"),
    row("bad_rdf_module", C::BadRdfModule, "Bad RDF module"),
    row("bad_rdf_error_category", C::BadRdfErrorCategory, "Bad RDF error category"),
    row("promise_already_satisfied", C::PromiseAlreadySatisfied, "Promise already satisfied"),
    row("broken_promise", C::BrokenPromise, "Broken promise"),
    row("current_module_not_known", C::CurrentModuleNotKnown, "The current module is not known"),
};

constexpr std::array kHttp{
    row("out_of_order", H::OutOfOrder, "Operation is out of order for the socket's state"),
    row("native_stream_unsupported", H::NativeStreamUnsupported,
        "The peer can't take a message of unknown length"),
    row("parsing_error", H::ParsingError, "Malformed HTTP message", EBADMSG),
    row("buffer_exhausted", H::BufferExhausted, "A line of the message's head is over its limit",
        EMSGSIZE),
    row("wrong_direction", H::WrongDirection, "The socket is in use in the other direction"),
    row("body_too_large", H::BodyTooLarge, "The message's body is over the limit body", EMSGSIZE),
    row("headers_too_large", H::HeadersTooLarge, "The message's headers are over their limit",
        EMSGSIZE),
    row("invalid_header", H::InvalidHeader, "Part of the message's head can't be written", EINVAL),
    row("content_length_mismatch", H::ContentLengthMismatch,
        "The body is not as long as content-length says", EINVAL),
};

// The first ones are numbered like `Outcome`.
constexpr std::array kPerilune{
    row("cpu_limit", P::CpuLimit, "CPU limit exceeded"),
    row("memory_limit", P::MemoryLimit, "not enough memory", ENOMEM),
    row("wall_limit", P::WallLimit, "time limit exceeded", ETIMEDOUT),
    row("subrequest_limit", P::SubrequestLimit, "too many outbound requests"),
    row("deadlock", P::Deadlock, "deadlock", EDEADLK),
    row("canceled", P::Canceled, "the request was canceled", ECANCELED),
    row("fiber_limit", P::FiberLimit, "too many fibers", EAGAIN),
    row("timer_limit", P::TimerLimit, "too many timers", EAGAIN),
    row("socket_limit", P::SocketLimit, "too many sockets", EMFILE),
    row("vm_limit", P::VmLimit, "too many VMs", EAGAIN),
    row("body_limit", P::BodyLimit, "message body over the limit", EMSGSIZE),
    row("header_limit", P::HeaderLimit, "header section over the limit", EMSGSIZE),
    row("message_limit", P::MessageLimit, "message over the limit", EMSGSIZE),
    row("not_allowed", P::NotAllowed, "not allowed", EACCES),
    row("other_limit", P::OtherLimit, "limit exceeded"),
};

// The numbers are JsonError's and JsonDomError's (runtime/modules/json_reader.hpp).
constexpr std::array kJsonLexer{
    ErrorRow{"unexpected_token", 1, "unexpected token", EINVAL},
    ErrorRow{"invalid_key", 2, "invalid key", EINVAL},
    ErrorRow{"invalid_value", 3, "invalid value", EINVAL},
    ErrorRow{"incompatible_type", 4, "incompatible type", EINVAL},
    ErrorRow{"unbalanced_end_array", 5, "unbalanced end of an array", EINVAL},
    ErrorRow{"unbalanced_end_object", 6, "unbalanced end of an object", EINVAL},
    ErrorRow{"expected_end_array", 7, "expected the end of an array", EINVAL},
    ErrorRow{"expected_end_object", 8, "expected the end of an object", EINVAL},
    ErrorRow{"insufficient_tokens", 9, "the text ends too early", EINVAL},
    ErrorRow{"key_not_found", 10, "no such field", EINVAL},
};

constexpr std::array kJsonDom{
    ErrorRow{"result_out_of_range", 1, "the number is out of range", ERANGE},
    ErrorRow{"too_many_levels", 2, "too many levels", EMSGSIZE},
    ErrorRow{"array_too_long", 3, "the array is too long", EMSGSIZE},
    ErrorRow{"cycle_exists", 4, "a table contains itself", ELOOP},
};

constexpr std::array<ErrorCategory, 10> kCategories{{
    {kGenericCategory, "generic_error", "What the runtime itself refuses, as POSIX would say it.",
     kGeneric},
    {kSystemCategory, "asio_error.basic", "What the operating system refused.", kBasic},
    {kNetdbCategory, "asio_error.netdb", "Names that could not be looked up.", kNetdb},
    {kAddrinfoCategory, "asio_error.addrinfo", "Services that could not be looked up.", kAddrinfo},
    {kAsioMiscCategory, "asio_error.misc", "Ends of streams, and other states that are no errno.",
     kMisc},
    {kCoreCategory, nullptr,
     "Fibers, modules, actors and their rules; the numbers are those of Emilua.", kCore},
    {kHttpCategory, nullptr, "Of `http` messages and sockets.", kHttp},
    {kJsonLexerCategory, nullptr, "`json.lexer_ecat`: what a text does wrong.", kJsonLexer},
    {kJsonDomCategory, nullptr, "`json.dom_ecat`: what a value can't be.", kJsonDom},
    {kPeriluneCategory, nullptr,
     "Limits and rules of this runtime. Errors of a limit have the fields `limit`, `used` and "
     "`unit` (\"bytes\", \"ms\", \"count\", \"1/s\").",
     kPerilune},
}};

constexpr bool sorted() {
  for (const ErrorCategory& category : kCategories) {
    const auto by_name = [](const ErrorRow& row) { return std::string_view{row.name}; };
    if (category.module != nullptr && !std::ranges::is_sorted(category.rows, {}, by_name))
      return false;
  }
  return true;
}
static_assert(sorted(), "what a script may name is found by halving");

bool is_errno(std::string_view category) {
  return category == kSystemCategory || category == kGenericCategory;
}

}  // namespace

std::span<const ErrorCategory> error_categories() noexcept { return kCategories; }

const ErrorRow* find_error(std::string_view category, int code) noexcept {
  for (const ErrorCategory& one : kCategories) {
    if (one.name != category) continue;
    const auto found = std::ranges::find(one.rows, code, &ErrorRow::code);
    return found == one.rows.end() ? nullptr : &*found;
  }
  return nullptr;
}

const ErrorRow* find_error(const ErrorCategory& category, std::string_view name) noexcept {
  const auto by_name = [](const ErrorRow& row) { return std::string_view{row.name}; };
  const auto found = std::ranges::lower_bound(category.rows, name, {}, by_name);
  return found == category.rows.end() || found->name != name ? nullptr : &*found;
}

const char* error_message(std::string_view category, int code) noexcept {
  const char* text = nullptr;
  if (is_errno(category)) {
    text = strerrordesc_np(code);  // no locale, no files, no allocation
  } else if (const ErrorRow* found = find_error(category, code)) {
    text = found->message;
  }
  return text != nullptr ? text : "Unknown error";
}

int generic_code(std::string_view category, int code) noexcept {
  if (!is_errno(category)) {
    const ErrorRow* found = find_error(category, code);
    return found == nullptr ? 0 : found->generic;
  }
  // Linux has numbers that POSIX has not: they stay what they are.
  return std::ranges::find(kGeneric, code, &ErrorRow::code) == kGeneric.end() ? 0 : code;
}

}  // namespace perilune::runtime
