// fmt is compiled into this one file (there is no static libfmt in Debian), so that other files include only the
// light <fmt/core.h>; spdlog is header-only and stays in this file.
#include "base/log.h"

#include <fmt/format-inl.h>

#define SPDLOG_FMT_EXTERNAL
#define SPDLOG_HEADER_ONLY
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

FMT_BEGIN_NAMESPACE
namespace detail {
template FMT_API auto dragonbox::to_decimal(float) -> dragonbox::decimal_fp<float>;
template FMT_API auto dragonbox::to_decimal(double) -> dragonbox::decimal_fp<double>;
template FMT_API auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template FMT_API auto thousands_sep_impl(locale_ref) -> thousands_sep_result<wchar_t>;
template FMT_API auto decimal_point_impl(locale_ref) -> char;
template FMT_API auto decimal_point_impl(locale_ref) -> wchar_t;
template FMT_API void buffer<char>::append(const char*, const char*);
template FMT_API void vformat_to(buffer<char>&,
                                 string_view,
                                 basic_format_args<FMT_BUFFER_CONTEXT(char)>,
                                 locale_ref);
}  // namespace detail
FMT_END_NAMESPACE

namespace zk {

void Log::write(LogLevel level, fmt::string_view format, fmt::format_args args) const {
    if (!enabled(level)) return;
    shared_->sink(level, prefix_ + fmt::vformat(format, args));
}

Log stderr_log(LogLevel level) {
    auto logger =
        std::make_shared<spdlog::logger>("zk", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_level(spdlog::level::trace);
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    auto sink = [logger](LogLevel line_level, std::string_view line) {
        logger->log(static_cast<spdlog::level::level_enum>(line_level), line);
    };
    return Log(sink, level);
}

bool parse_log_level(std::string_view name, LogLevel& level) {
    static constexpr std::string_view kNames[] = {"trace", "debug", "info", "warn", "error", "off"};
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
        if (kNames[i] != name) continue;
        level = static_cast<LogLevel>(i);
        return true;
    }
    return false;
}

}  // namespace zk
