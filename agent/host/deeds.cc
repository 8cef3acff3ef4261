#include "agent_host/deeds.h"

#include <array>
#include <optional>
#include <sstream>
#include <string_view>

#include "agent_host/posix.h"
#include "base/numbers.h"
#include "clocks/clocks.h"

namespace zk::agent_host {
namespace {

using elections::Deed;
constexpr std::array<std::string_view, 3> kDeeds = {"start", "restart", "stop"};
constexpr std::int64_t kDeedAtMax = 32'503'680'000'000;  // the year 3000

/// `line` without its end.
std::optional<Deed> parse_line(const std::string& line) {
    std::istringstream words(line);
    std::string kind;
    std::string pid;
    std::string at;
    if (!(words >> kind >> pid >> at)) return std::nullopt;
    const auto pid_number = parse_number<std::int64_t>(pid);
    const auto at_number = parse_number<std::int64_t>(at);
    if (!pid_number || !at_number || *pid_number < 0) return std::nullopt;
    if (*at_number < 0 || *at_number > kDeedAtMax) return std::nullopt;
    for (std::size_t i = 0; i < kDeeds.size(); ++i) {
        if (kDeeds[i] == kind) {
            return Deed{static_cast<Deed::Kind>(i), *pid_number, WallMs(*at_number)};
        }
    }
    return std::nullopt;
}

}  // namespace

std::string to_text(const std::vector<Deed>& deeds) {
    std::string text;
    for (const Deed& deed : deeds) {
        text += std::string(kDeeds.at(static_cast<std::size_t>(deed.kind))) + " " +
                std::to_string(deed.pid) + " " + to_string(deed.at) + "\n";
    }
    return text;
}

std::vector<Deed> parse_deeds(const std::string& text) {
    std::vector<Deed> deeds;
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', begin)) {
        if (const auto deed = parse_line(text.substr(begin, end - begin))) deeds.push_back(*deed);
        begin = end + 1;
    }
    const std::size_t surplus = deeds.size() > kDeedsMax ? deeds.size() - kDeedsMax : 0;
    deeds.erase(deeds.begin(), deeds.begin() + static_cast<std::ptrdiff_t>(surplus));
    return deeds;
}

void note_deed(const StateDir& state, Deed::Kind kind, std::int64_t pid) {
    auto deeds = last_deeds(state);
    deeds.push_back({kind, pid, clocks::wall_now()});
    if (deeds.size() > kDeedsMax) deeds.erase(deeds.begin());
    (void)replace_file(state.file("deeds"), to_text(deeds), FileOptions());
}

std::vector<Deed> last_deeds(const StateDir& state) {
    const auto text = read_file(state.file("deeds"), 4096);
    return text.has_value() ? parse_deeds(*text) : std::vector<Deed>();
}

std::string boot_id() {
    const auto text = read_file("/proc/sys/kernel/random/boot_id", 256);
    if (!text.has_value()) return {};
    return text->substr(0, text->find('\n'));
}

}  // namespace zk::agent_host
