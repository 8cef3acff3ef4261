#include "playbook/playbook.h"

#include <algorithm>
#include <array>

#include "inventory/section.h"
#include "inventory/yaml_reader.h"
#include "playbook/builtin.h"
#include "playbook/order.h"

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
constexpr std::array<std::pair<std::string_view, HookPoint>, 4> kPoints = {{
    {"before_wave", HookPoint::before_wave},
    {"before_node", HookPoint::before_node},
    {"after_node", HookPoint::after_node},
    {"after_wave", HookPoint::after_wave},
}};
constexpr std::int64_t kLimitMostS = 86400;
constexpr std::size_t kPhasesMax = 32;
constexpr std::size_t kHooksMax = 16;  // of one point

/// `run` and `limit_s`, which a phase and a hook both have.
struct Entry {
    const Value* run = nullptr;
    milliseconds limit{0};
};
std::optional<Entry> read_entry(Section& section, Diagnostics& diagnostics) {
    const Value* const run = section.find("run");
    const Value* const limit = section.find("limit_s");
    const auto limit_s = section.number("limit_s", 1, kLimitMostS);
    section.finish();
    if (!section.is_map()) return std::nullopt;
    if (run == nullptr || limit == nullptr) {
        diagnostics.error(section.mark(), section.path_of("run"), "needs both run and limit_s");
        return std::nullopt;
    }
    if (!limit_s) return std::nullopt;
    return Entry{run, std::chrono::seconds(*limit_s)};
}

std::optional<Phase> read_phase(const Value& value,
                                const std::string& path,
                                Diagnostics& diagnostics) {
    Section section(value, path, diagnostics);
    for (const std::string_view key : {"before", "after"}) {
        section.refuse(key, "name the command under hooks, as before_wave or after_wave");
    }
    const auto entry = read_entry(section, diagnostics);
    const auto name = entry ? section.text("run") : std::nullopt;
    if (!name) return std::nullopt;
    if (const auto kind = phase_named(*name)) return Phase{*kind, entry->limit};
    std::string known;
    for (const auto& [each, kind] : kKinds)
        known += (known.empty() ? "" : ", ") + std::string(each);
    diagnostics.error(section.mark_of("run"),
                      section.path_of("run"),
                      "\"" + *name + "\" is no phase; there are " + known);
    return std::nullopt;
}

void read_phases(const Value& list, Playbook& playbook, Diagnostics& diagnostics) {
    if (list.items.empty() || list.items.size() > kPhasesMax) {
        diagnostics.error(list.mark, "phases", "must be a list of 1 to 32 phases");
        return;
    }
    for (std::size_t i = 0; i < list.items.size(); ++i) {
        const std::string path = "phases[" + std::to_string(i) + "]";
        if (const auto phase = read_phase(list.items[i], path, diagnostics)) {
            playbook.phases.push_back(*phase);
        }
    }
    if (diagnostics.has_errors()) return;  // what could not be read would be missed in its place
    for (const OrderFault& fault : order_faults(playbook.phases)) {
        diagnostics.error(list.items[fault.phase].mark,
                          "phases[" + std::to_string(fault.phase) + "]",
                          fault.words);
    }
}

/// A list is a program and its arguments; a text is for a shell.
std::optional<Hook> read_hook(const Value& value,
                              const std::string& path,
                              Diagnostics& diagnostics) {
    Section section(value, path, diagnostics);
    const auto entry = read_entry(section, diagnostics);
    if (!entry) return std::nullopt;
    Hook hook;
    hook.limit = entry->limit;
    const bool shell = entry->run->kind == Value::Kind::scalar;
    hook.command = section.texts("run");
    for (const std::string& word : hook.command) {
        hook.text += (hook.text.empty() ? "" : " ") + word;
    }
    if (hook.command.empty() || hook.text.find('\0') != std::string::npos) {
        diagnostics.error(section.mark_of("run"),
                          section.path_of("run"),
                          "must be a list of the program and its arguments, or a text for /bin/sh");
        return std::nullopt;
    }
    if (shell) hook.command = {"/bin/sh", "-c", hook.text};
    return hook;
}

void read_hooks(const Value& value, Playbook& playbook, Diagnostics& diagnostics) {
    Section section(value, "hooks", diagnostics);
    for (const auto& [name, point] : kPoints) {
        const Value* const found = section.find(name);
        if (found == nullptr) continue;
        const std::string path = section.path_of(name);
        std::vector<Hook>& hooks = playbook.hooks[point];
        if (found->kind != Value::Kind::list) {
            if (const auto hook = read_hook(*found, path, diagnostics)) hooks.push_back(*hook);
            continue;
        }
        if (found->items.empty() || found->items.size() > kHooksMax) {
            diagnostics.error(found->mark, path, "must be one hook or a list of 1 to 16");
        }
        for (std::size_t i = 0; i < found->items.size(); ++i) {
            const std::string place = path + "[" + std::to_string(i) + "]";
            const auto hook = read_hook(found->items[i], place, diagnostics);
            if (hook) hooks.push_back(*hook);
        }
    }
    section.finish();
    if (!diagnostics.has_errors() && !playbook.runs(PhaseKind::roll)) {
        diagnostics.error(value.mark,
                          "hooks",
                          "run around the waves of \"roll\", which this recipe "
                          "does not name; remove them, or add roll and gate");
    }
}

void read_top(const Value& root, Playbook& playbook, Diagnostics& diagnostics) {
    Section top(root, "", diagnostics);
    if (top.text("schema").value_or("") != "zkprov.playbook/1") {
        diagnostics.error(top.mark_of("schema"), "schema", "must be zkprov.playbook/1");
    }
    playbook.name = top.text("name").value_or("");
    const Value* const phases = top.find("phases");
    if (phases == nullptr || phases->kind != Value::Kind::list) {
        diagnostics.error(top.mark_of("phases"), "phases", "must be a list of phases");
    } else {
        read_phases(*phases, playbook, diagnostics);
    }
    if (const Value* const hooks = top.find("hooks")) read_hooks(*hooks, playbook, diagnostics);
    top.finish();
}

}  // namespace

std::string_view to_string(PhaseKind kind) {
    return std::ranges::find(kKinds, kind, &decltype(kKinds)::value_type::second)->first;
}

std::optional<PhaseKind> phase_named(std::string_view name) {
    const auto found = std::ranges::find(kKinds, name, &decltype(kKinds)::value_type::first);
    if (found == kKinds.end()) return std::nullopt;
    return found->second;
}

bool changes_nodes(PhaseKind kind) { return kind == PhaseKind::push || kind == PhaseKind::roll; }

std::string_view to_string(HookPoint point) {
    return std::ranges::find(kPoints, point, &decltype(kPoints)::value_type::second)->first;
}

std::optional<milliseconds> Playbook::limit_of(PhaseKind kind) const {
    for (auto phase = phases.rbegin(); phase != phases.rend(); ++phase) {
        if (phase->kind == kind) return phase->limit;
    }
    return std::nullopt;
}

Result<Playbook> read_playbook(std::string_view text, const std::string& file) {
    Diagnostics diagnostics(file);
    const Value root = inventory::parse_yaml(text, diagnostics);
    Playbook playbook;
    if (!diagnostics.has_errors()) read_top(root, playbook, diagnostics);
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
