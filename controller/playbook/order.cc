#include "playbook/order.h"

#include <algorithm>
#include <array>

namespace zk::playbook {
namespace {

struct Need {
    PhaseKind phase;
    PhaseKind first;  ///< must come before it
    std::string_view why;
};
constexpr std::array<Need, 8> kNeeds = {{
    {PhaseKind::gather, PhaseKind::connect, "there are no links before"},
    {PhaseKind::check, PhaseKind::gather, "it looks at the facts"},
    {PhaseKind::plan, PhaseKind::gather, "a plan is made of the facts"},
    {PhaseKind::push, PhaseKind::check, "what would fail must fail before the first change"},
    {PhaseKind::push, PhaseKind::plan, "the plan says who needs the server's binary"},
    {PhaseKind::roll, PhaseKind::check, "what would fail must fail before the first change"},
    {PhaseKind::roll,
     PhaseKind::plan,
     "without a plan nobody knows which node may be restarted when"},
    {PhaseKind::gate, PhaseKind::connect, "there are no links before"},
}};

std::string quoted(PhaseKind kind) { return "\"" + std::string(to_string(kind)) + "\""; }

bool has(const std::vector<Phase>& phases, std::size_t from, std::size_t to, PhaseKind kind) {
    for (std::size_t i = from; i < to; ++i) {
        if (phases[i].kind == kind) return true;
    }
    return false;
}

/// What this phase alone lacks in front of it or behind it.
void add_faults_of(const std::vector<Phase>& phases,
                   std::size_t at,
                   std::vector<OrderFault>& faults) {
    const PhaseKind kind = phases[at].kind;
    const auto add = [&](std::string words) { faults.push_back({at, std::move(words)}); };
    if (kind != PhaseKind::gate && has(phases, 0, at, kind)) {
        add(quoted(kind) + " is there twice; remove one");
        return;
    }
    for (const Need& need : kNeeds) {
        if (need.phase != kind || has(phases, 0, at, need.first)) continue;
        add(quoted(kind) + " needs " + quoted(need.first) + " before it: " + std::string(need.why));
    }
    if (kind == PhaseKind::push && has(phases, 0, at, PhaseKind::roll)) {
        add("\"push\" comes too late behind \"roll\"; move it in front of it");
    }
    if (kind == PhaseKind::roll && !has(phases, at + 1, phases.size(), PhaseKind::gate)) {
        add("\"roll\" needs \"gate\" behind it: without one the next server would be restarted "
            "before the last one is back");
    }
}

}  // namespace

std::vector<OrderFault> order_faults(const std::vector<Phase>& phases) {
    std::vector<OrderFault> faults;
    for (std::size_t i = 0; i < phases.size(); ++i) add_faults_of(phases, i, faults);
    return faults;
}

}  // namespace zk::playbook
