#include "cli/quota_text.h"

#include <algorithm>

#include "base/numbers.h"

namespace zk::cli {

std::string QuotaText::limits() const {
    return "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes) +
           "=;byteHardLimit=" + std::to_string(bytes_hard) +
           ";countHardLimit=" + std::to_string(count_hard);
}

std::string QuotaText::used() const {
    return "count=" + std::to_string(count) + ",bytes=" + std::to_string(bytes);
}

QuotaText read_quota(std::string_view text) {
    QuotaText quota;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(",;"), text.size());
        const auto part = text.substr(0, end);
        text = text.substr(std::min(end + 1, text.size()));
        const auto equals = part.find('=');
        if (equals == std::string_view::npos) continue;
        const auto name = part.substr(0, equals);
        auto digits = part.substr(equals + 1);
        if (!digits.empty() && digits.back() == '=') digits.remove_suffix(1);
        const std::int64_t value = parse_number(digits).value_or(-1);
        if (name == "count") quota.count = value;
        if (name == "bytes") quota.bytes = value;
        if (name == "countHardLimit") quota.count_hard = value;
        if (name == "byteHardLimit") quota.bytes_hard = value;
    }
    return quota;
}

std::string quota_path(std::string_view path) { return "/zookeeper/quota" + std::string(path); }

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
