#include "ensemble_judge/age.h"

namespace zk::ensemble_judge {

std::string format_age(long long seconds) {
    if (seconds < 0) return "-";
    const auto part = [](long long number, const char* unit) {
        return std::to_string(number) + unit;
    };
    if (seconds < 60) return part(seconds, "s");
    if (seconds < 3600) return part(seconds / 60, "m ") + part(seconds % 60, "s");
    if (seconds < 86400) return part(seconds / 3600, "h ") + part(seconds % 3600 / 60, "m");
    return part(seconds / 86400, "d ") + part(seconds % 86400 / 3600, "h");
}

}  // namespace zk::ensemble_judge
