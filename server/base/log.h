// The log handle that rooms are given. A line is a stable event name, then key=value.
// Pure rooms log through it; under simulation the sink carries virtual time and sid. The only place that knows
// spdlog is log.cc.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "base/ids.h"

namespace zk {

enum class LogLevel { trace, debug, info, warn, error, off };

/// Where lines go. Called from any thread when it is the spdlog sink.
using LogSink = std::function<void(LogLevel, std::string_view line)>;

/// A handle: cheap to copy, carries a prefix such as "sid=2 ". A default handle drops everything.
class Log {
  public:
    Log() = default;
    Log(LogSink sink, LogLevel level, std::string prefix = {})
        : shared_(std::make_shared<const Shared>(Shared{std::move(sink), level})),
          prefix_(std::move(prefix)) {}

    /// The same sink with more context before each line.
    [[nodiscard]] Log with(std::string_view context) const {
        Log log = *this;
        log.prefix_ += context;
        log.prefix_ += ' ';
        return log;
    }
    [[nodiscard]] bool enabled(LogLevel level) const { return shared_ && level >= shared_->level; }

    template <class... Args>
    void trace(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::trace, format, fmt::make_format_args(args...));
    }
    template <class... Args>
    void debug(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::debug, format, fmt::make_format_args(args...));
    }
    template <class... Args>
    void info(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::info, format, fmt::make_format_args(args...));
    }
    template <class... Args>
    void warn(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::warn, format, fmt::make_format_args(args...));
    }
    template <class... Args>
    void error(fmt::format_string<Args...> format, Args&&... args) const {
        write(LogLevel::error, format, fmt::make_format_args(args...));
    }

  private:
    struct Shared {
        LogSink sink;
        LogLevel level;
    };
    void write(LogLevel level, fmt::string_view format, fmt::format_args args) const;

    std::shared_ptr<const Shared> shared_;
    std::string prefix_;
};

/// A handle that writes to stderr through spdlog, with time and level on each line.
Log stderr_log(LogLevel level);
/// "trace" ... "off"; false for anything else.
bool parse_log_level(std::string_view name, LogLevel& level);

}  // namespace zk

/// Ids print as their number, zxids and sessions as 0x hex. Format specifications are not supported.
template <>
struct fmt::formatter<zk::Zxid> {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(zk::Zxid zxid, Context& context) const {
        const std::string text = zk::to_string(zxid);
        return std::copy(text.begin(), text.end(), context.out());
    }
};
template <class Tag, class Rep>
struct fmt::formatter<zk::Id<Tag, Rep>> {
    constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
    template <class Context>
    auto format(zk::Id<Tag, Rep> id, Context& context) const {
        const std::string text = to_string(id);
        return std::copy(text.begin(), text.end(), context.out());
    }
};
