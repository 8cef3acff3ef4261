#include "playbook/playbook.h"

#include <algorithm>
#include <array>

#include "inventory/section.h"
#include "inventory/yaml_reader.h"
#include "playbook/builtin.h"

namespace zk::playbook {
namespace {

using inventory::Diagnostics;
using inventory::Section;
using inventory::Value;

constexpr std::array<std::pair<std::string_view, PhaseKind>, 7> kKinds = {{
    {"connect", PhaseKind::connect},
    {"gather", PhaseKind::gather},
    {"check", PhaseKind::check},
    {"plan", PhaseKind::plan},
    {"push", PhaseKind::push},
    {"roll", PhaseKind::roll},
    {"gate", PhaseKind::gate},
}};
constexpr std::int64_t kLimitMostS = 86400;

std::optional<Phase> read_phase(const Value& value,
                                const std::string& path,
                                Diagnostics& diagnostics) {
    Section section(value, path, diagnostics);
    if (!section.is_map()) return std::nullopt;
    const auto name = section.text("run");
    const auto limit_s = section.number("limit_s", 1, kLimitMostS);
    section.refuse("before", "hooks come later; remove the key");
    section.refuse("after", "hooks come later; remove the key");
    section.finish();
    if (!name || !limit_s) {
        if (!diagnostics.has_errors()) {
            diagnostics.error(section.mark(), path, "needs both run and limit_s");
        }
        return std::nullopt;
    }
    const auto found = std::ranges::find(kKinds, *name, &decltype(kKinds)::value_type::first);
    if (found == kKinds.end()) {
        diagnostics.error(
            section.mark_of("run"), section.path_of("run"), "\"" + *name + "\" is no phase");
        return std::nullopt;
    }
    return Phase{found->second, std::chrono::seconds(*limit_s)};
}

}  // namespace

std::string_view to_string(PhaseKind kind) {
    return std::ranges::find(kKinds, kind, &decltype(kKinds)::value_type::second)->first;
}

std::optional<milliseconds> Playbook::limit_of(PhaseKind kind) const {
    const auto found = std::ranges::find(phases, kind, &Phase::kind);
    if (found == phases.end()) return std::nullopt;
    return found->limit;
}

Result<Playbook> read_playbook(std::string_view text, const std::string& file) {
    Diagnostics diagnostics(file);
    const Value root = inventory::parse_yaml(text, diagnostics);
    Playbook playbook;
    if (!diagnostics.has_errors()) {
        Section top(root, "", diagnostics);
        const std::string schema = top.text("schema").value_or("");
        if (schema != "zkprov.playbook/1") {
            diagnostics.error(top.mark_of("schema"), "schema", "must be zkprov.playbook/1");
        }
        playbook.name = top.text("name").value_or("");
        const Value* const phases = top.find("phases");
        if (phases == nullptr || phases->kind != Value::Kind::list) {
            diagnostics.error(top.mark_of("phases"), "phases", "must be a list of phases");
        } else {
            for (std::size_t i = 0; i < phases->items.size(); ++i) {
                const std::string path = "phases[" + std::to_string(i) + "]";
                const auto phase = read_phase(phases->items[i], path, diagnostics);
                if (!phase) continue;
                if (!playbook.phases.empty() && playbook.phases.back().kind >= phase->kind) {
                    diagnostics.error(phases->items[i].mark,
                                      path,
                                      std::string(to_string(phase->kind)) + " may not come after " +
                                          std::string(to_string(playbook.phases.back().kind)));
                }
                playbook.phases.push_back(*phase);
            }
        }
        top.finish();
    }
    if (diagnostics.has_errors()) return Error(Errc::invalid, diagnostics.format_all());
    return playbook;
}

Result<Playbook> builtin_playbook(std::string_view name) {
    for (const Builtin& builtin : kBuiltins) {
        if (builtin.name == name) {
            return read_playbook(builtin.text, "playbooks/" + std::string(name) + ".yaml");
        }
    }
    return Error(Errc::not_found, "there is no playbook \"" + std::string(name) + "\"");
}

}  // namespace zk::playbook
