#include "cli/quotas.h"

#include <cstdint>

namespace zk::cli {

using jute::QuotaText;

QuotaText read_quota(std::string_view text) {
    return jute::parse_quota(text).value_or(QuotaText());
}

std::vector<std::string> above(std::string_view path) {
    std::vector<std::string> paths;
    for (auto at = path.find('/', 1); at != std::string_view::npos; at = path.find('/', at + 1)) {
        paths.emplace_back(path.substr(0, at));
    }
    return paths;
}

std::string quota_warnings(const QuotaText& limits, const QuotaText& used) {
    std::string text;
    const auto compare = [&text](const char* what, std::int64_t limit, std::int64_t is) {
        if (limit < 0 || limit >= is) return false;
        text += std::string("[Warning]: the ") + what +
                " quota you create is less than the existing " + what + ":" + std::to_string(is) +
                "\n";
        return true;
    };
    if (!compare("count", limits.count, used.count))
        compare("count", limits.count_hard, used.count);
    if (!compare("bytes", limits.bytes, used.bytes))
        compare("bytes", limits.bytes_hard, used.bytes);
    return text;
}

}  // namespace zk::cli
