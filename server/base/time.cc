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

}  // namespace zk
