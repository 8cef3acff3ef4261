#include "base/time.h"

#include <ctime>

namespace zk {

std::string utc_text(WallMs at) {
    const auto seconds = static_cast<std::time_t>(at.value() / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts);
    return text;
}

std::string age_text(std::int64_t seconds) {
    if (seconds < 0) return "-";
    const auto part = [](std::int64_t number, const char* unit) {
        return std::to_string(number) + unit;
    };
    if (seconds < 60) return part(seconds, "s");
    if (seconds < 3600) return part(seconds / 60, "m ") + part(seconds % 60, "s");
    if (seconds < 86400) return part(seconds / 3600, "h ") + part(seconds % 3600 / 60, "m");
    return part(seconds / 86400, "d ") + part(seconds % 86400 / 3600, "h");
}

}  // namespace zk
