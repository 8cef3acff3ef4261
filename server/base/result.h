// Operating errors (disk, socket, config, SSH) as values: Result<T>.
// Pure. A client's mistake is not an error here, it is a jute ErrorCode; a broken invariant is ZK_ASSERT.
//
//   Result<Zxid> first_zxid(std::string_view epoch_file) {
//       ZK_TRY(const Epoch epoch, parse_epoch(epoch_file));  // in a coroutine: ZK_CO_TRY
//       return Zxid(epoch, 0);
//   }
#pragma once

#include <string>
#include <utility>

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace zk {

/// What kind of operating error, when no system or library code says it better.
enum class Errc {
    /// Input that breaks a format or a rule; the words name the place and the way out.
    invalid = 1,
    corrupt,      ///< stored bytes that fail a checksum or a format
    not_found,    ///< something named does not exist
    exists,       ///< something is there that must not be
    timeout,      ///< a deadline passed
    refused,      ///< the other side or a safety rule said no
    unsupported,  ///< a feature that this version does not have
    closed,       ///< the stream or link ended
    failed,       ///< everything else; the words say what
};
const boost::system::error_category& errc_category();
inline boost::system::error_code make_error_code(Errc errc) {
    return {static_cast<int>(errc), errc_category()};
}

/// A code that programs compare, and words that people read: what was tried, where, and what to do.
struct Error {
    boost::system::error_code code;
    std::string words;

    /// No error; needed by Boost.System's result, whose error() must give something when there is a value.
    Error() = default;
    Error(Errc errc, std::string text) : code(make_error_code(errc)), words(std::move(text)) {}
    Error(boost::system::error_code error_code, std::string text)
        : code(error_code), words(std::move(text)) {}

    /// "words: message of the code" (the message is left out for Errc codes, whose words say all).
    [[nodiscard]] std::string message() const;
    /// The same error with "context: " before its words.
    [[nodiscard]] Error with_context(const std::string& context) const {
        return {code, context + ": " + words};
    }
};
/// Called by Boost.System when value() is asked of a failed result: that is a bug, so it aborts.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

/// A value or an Error. We use only has_value, *, ->, error(), so std::expected can replace it.
template <class T = void>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
  public:
    using boost::system::result<T, Error>::result;
};

/// The success value of Result<>.
inline Result<> ok() { return {}; }

}  // namespace zk

template <>
struct boost::system::is_error_code_enum<zk::Errc> : std::true_type {};

#define ZK_CONCAT_INNER(a, b) a##b
#define ZK_CONCAT(a, b) ZK_CONCAT_INNER(a, b)
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a keyword, not expressions
#define ZK_TRY_IMPL(result, declaration, expression, ret)   \
    auto result = (expression);                             \
    if (!result.has_value()) ret std::move(result).error(); \
    declaration = *std::move(result)
// NOLINTEND(bugprone-macro-parentheses)
/// Declares a variable from a Result's value, or returns its error.
#define ZK_TRY(declaration, ...) \
    ZK_TRY_IMPL(ZK_CONCAT(zk_result_, __LINE__), declaration, (__VA_ARGS__), return )
/// The same inside a coroutine.
#define ZK_CO_TRY(declaration, ...) \
    ZK_TRY_IMPL(ZK_CONCAT(zk_result_, __LINE__), declaration, (__VA_ARGS__), co_return )
/// Returns the error of a Result<> if there is one.
#define ZK_CHECK(...)                                                           \
    do {                                                                        \
        if (auto zk_check_result = (__VA_ARGS__); !zk_check_result.has_value()) \
            return std::move(zk_check_result).error();                          \
    } while (false)
#define ZK_CO_CHECK(...)                                                        \
    do {                                                                        \
        if (auto zk_check_result = (__VA_ARGS__); !zk_check_result.has_value()) \
            co_return std::move(zk_check_result).error();                       \
    } while (false)
