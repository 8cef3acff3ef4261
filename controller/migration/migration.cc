#include "migration/migration.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <fmt/core.h>

#include "agent_api/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/numbers.h"
#include "ensemble/zoo_cfg.h"
#include "plan/observe.h"

namespace zk::migration {
namespace {

using agent_api::ContainerSpec;
using agent_api::FileKind;
using agent_api::FileSpec;
using agent_api::NodeSpec;

/// What each flavor is given in its own way: words for monitoring, and an empty server's right to vote.
bool is_of_flavor(std::string_view key) {
    return key == "4lw.commands.whitelist" || key == "db.autocreate";
}
/// Flags of java that change what Apache's server does, and are not in its zoo.cfg.
bool is_server_flag(std::string_view name) {
    for (const std::string_view prefix :
         {"zookeeper.", "java.security.", "javax.net.ssl.", "jute."}) {
        if (name.starts_with(prefix)) return name != "zookeeper.db.autocreate";
    }
    return false;
}

const FileSpec* file_at(const NodeSpec& spec, std::string_view path) {
    const auto found = std::ranges::find(spec.files, path, &FileSpec::path);
    return found == spec.files.end() ? nullptr : &*found;
}
const FileSpec* unit_of(const NodeSpec& spec) {
    const auto found = std::ranges::find_if(spec.files, [&](const FileSpec& file) {
        return file.kind == FileKind::unit && file.path.ends_with("/" + spec.server_unit);
    });
    return found == spec.files.end() ? nullptr : &*found;
}

/// Where the flags of its java stand.
std::string command_line_of(const NodeSpec& spec) {
    if (spec.container) return std::string(spec.container->variable(agent_api::kJvmFlagsVariable));
    const FileSpec* const unit = unit_of(spec);
    return unit == nullptr ? std::string() : unit->content;
}

/// What a server is told: keys of zoo.cfg, those that Apache's takes from its command line only, and other flags there.
struct Settings {
    std::map<std::string, std::string> keys;
    std::vector<std::string> flags;
};

Settings settings_of(const NodeSpec& spec) {
    Settings settings;
    if (const FileSpec* const file = file_at(spec, spec.conf_path)) {
        std::istringstream lines(file->content);
        for (std::string line; std::getline(lines, line);) {
            const std::size_t equals = line.find('=');
            if (line.starts_with('#') || equals == std::string::npos) continue;
            settings.keys[line.substr(0, equals)] = line.substr(equals + 1);
        }
    }
    if (spec.release.flavor != Flavor::apache) return settings;
    std::istringstream words(command_line_of(spec));
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        if (!word.starts_with("-D") || equals == std::string::npos) continue;
        const std::string name = word.substr(2, equals - 2);
        if (inventory::is_property_only(name)) {
            settings.keys[name] = word.substr(equals + 1);
        } else if (is_server_flag(name)) {
            settings.flags.push_back(word);
        }
    }
    return settings;
}

std::string value_in(const Settings& settings, const std::string& key) {
    const auto found = settings.keys.find(key);
    return found == settings.keys.end() ? std::string() : found->second;
}

class Judge {
  public:
    Judge(const inventory::Inventory& inventory, const std::vector<Member>& members)
        : inventory_(inventory),
          members_(members),
          to_(flavor_of(inventory)),
          from_(to_ == Flavor::apache ? Flavor::zkserver : Flavor::apache) {}

    std::vector<std::string> judge(const std::optional<agent_api::DataSurvey>& survey) {
        if (inventory_.transport == inventory::Transport::local && !inventory_.docker) {
            return {
                "transport: local has one flavor, zkserver, so there is nothing to move between"};
        }
        for (const Member& member : members_) {
            if (!member.actual->formed() || !member.facts->applied) {
                add(member, "is no member of an ensemble yet; zkprov apply makes one");
            } else if (is_to_move(member)) {
                judge_member(member);
            }
        }
        if (survey && words_.empty()) judge_data(*survey);
        return std::move(words_);
    }

  private:
    void add(const Member& member, const std::string& words) {
        words_.push_back(
            fmt::format("node {} ({}): {}", member.node->id, member.node->host, words));
    }

    void judge_member(const Member& member) {
        if (members_.size() == 1) {
            return add(member,
                       "is a server alone: to move it is an outage, for which zkprov stop, a "
                       "backup and a new ensemble of the other flavor are the way");
        }
        if (!member.actual->in_sync) {
            return add(member,
                       "is not in sync, and its data are moved as they are; bring it up first "
                       "(zkprov status, zkprov start)");
        }
        const NodeSpec* const before = before_move(member);
        if (before == nullptr) {
            return add(member,
                       "nobody knows what was applied to its server; zkprov apply with flavor: " +
                           std::string(to_string(from_)) + " first");
        }
        if (member.facts->outside) {
            return add(member,
                       "its server runs outside of its unit, and its starter would start it again; "
                       "zkprov apply --take-over first, with flavor: " +
                           std::string(to_string(from_)));
        }
        judge_files(member, *before);
        judge_settings(member, *before);
        judge_places(member, *before);
        judge_container(member, *before);
    }

    /// A reconfig by Apache's server, observers, TLS or SASL by hand: whatever it is, zkprov did not write it.
    void judge_files(const Member& member, const NodeSpec& before) {
        for (const FileSpec& file : before.files) {
            const agent_api::PathFact* const there = member.facts->path(file.path);
            const bool server = file.path == before.conf_path || &file == unit_of(before);
            // A move that was cut off may have written some of the new ones.
            if (!server || there == nullptr || member.facts->interrupted) continue;
            if (there->sha256 == agent_api::sha256_hex(file.content)) continue;
            add(member,
                fmt::format("{} is not as zkprov wrote it: what was changed there would be lost; "
                            "put it into the inventory, or zkprov apply with flavor: {} writes it "
                            "again",
                            file.path,
                            to_string(from_)));
        }
    }

    void judge_settings(const Member& member, const NodeSpec& before) {
        const Settings old = settings_of(before);
        const Settings now = settings_of(*member.wanted);
        std::map<std::string, std::string> all = old.keys;
        all.insert(now.keys.begin(), now.keys.end());
        for (const auto& [key, unused] : all) {
            if (is_of_flavor(key) || value_in(old, key) == value_in(now, key)) continue;
            add(member,
                fmt::format("{} is {} there and {} in the inventory: a move changes the server and "
                            "nothing else; zkprov apply that first, with flavor: {}",
                            key,
                            quoted(value_in(old, key)),
                            quoted(value_in(now, key)),
                            to_string(from_)));
        }
        for (const Settings* settings : {&old, &now}) {
            for (const std::string& flag : settings->flags) {
                add(member,
                    fmt::format("server.jvm_flags has {}, which zkprov's own server does not know; "
                                "write it as a key of server.config, or take it out, and zkprov "
                                "apply that first with flavor: {}",
                                flag.substr(0, flag.find('=')),
                                to_string(from_)));
            }
        }
    }
    static std::string quoted(const std::string& value) {
        return value.empty() ? "not set" : "\"" + value + "\"";
    }

    void judge_places(const Member& member, const NodeSpec& before) {
        const NodeSpec& wanted = *member.wanted;
        if (before.container.has_value() != wanted.container.has_value()) {
            return add(
                member,
                before.container
                    ? "its server is in a container, and the inventory wants it on the host"
                    : "its server is on the host, and the inventory wants it in a container");
        }
        if (before.install_dir == wanted.install_dir) return;
        add(member,
            fmt::format("{} is {} there and {} in the inventory; a move keeps it",
                        wanted.container ? "docker.directory" : "install_dir",
                        before.install_dir,
                        wanted.install_dir));
    }

    /// Of a container its flavor changes, and with that its image; all else stays, and the old image is the way back.
    void judge_container(const Member& member, const NodeSpec& before) {
        if (!before.container || !member.wanted->container) return;
        const ContainerSpec& old = *before.container;
        const ContainerSpec& wanted = *member.wanted->container;
        if (old.image == wanted.image) {
            add(member,
                fmt::format("docker.image is {} for both servers, and the way back needs the old "
                            "image by a name of its own; name the image of {}",
                            wanted.image,
                            server_words(to_)));
        }
        judge_way_back(member);
        for (const auto& [what, same] :
             {std::pair("name", old.name == wanted.name),
              std::pair("engine (docker.engine)", old.engine == wanted.engine),
              std::pair("network (docker.network)", old.network == wanted.network),
              std::pair("address", old.address == wanted.address),
              std::pair("published port (host_port)", old.ports == wanted.ports),
              std::pair("directories", old.binds == wanted.binds),
              std::pair("user", old.user == wanted.user),
              std::pair("restart policy (docker.restart)", old.restart == wanted.restart),
              std::pair("time to stop", old.stop_s == wanted.stop_s)}) {
            if (same) continue;
            add(member,
                fmt::format(
                    "the {} of its container is another one in the inventory: a move changes "
                    "the server and nothing else; zkprov apply that first, with flavor: {}",
                    what,
                    to_string(from_)));
        }
    }

    /// An image that was given another content under its name is no way back to what runs.
    void judge_way_back(const Member& member) {
        const auto& there = member.facts->container;
        if (!there || !there->ours || member.facts->interrupted) return;
        if (there->image.empty() || there->image_now == there->container_image_id) return;
        add(member,
            fmt::format("its container was made from the image {}, and {}, so there is no way "
                        "back; docker tag {} {} on its host gives it its name again",
                        there->image,
                        there->image_now.empty() ? "that name is gone there"
                                                 : "that name is another image's there",
                        there->container_image_id,
                        there->image));
    }

    /// All members have the same tree.
    void judge_data(const agent_api::DataSurvey& survey) {
        if (!survey.words.empty()) {
            words_.push_back("the data cannot be looked at before the move: " + survey.words);
            return;
        }
        const auto first = std::ranges::find_if(members_, is_to_move);
        if (first == members_.end()) return;
        const Settings now = settings_of(*first->wanted);
        if (survey.ttl_nodes > 0 && value_in(now, "extendedTypesEnabled") != "true") {
            words_.push_back(fmt::format(
                "{} znodes have a TTL, and without extendedTypesEnabled: true in server.config "
                "Apache's server takes them for ephemerals of sessions that have ended; zkprov "
                "apply that first, with flavor: {}",
                survey.ttl_nodes,
                to_string(from_)));
        }
        const auto given = parse_number(value_in(now, "jute.maxbuffer"));
        const std::int64_t limit = given.value_or(limits::kJuteMaxBuffer);
        if (survey.largest_bytes > static_cast<std::uint64_t>(limit)) {
            words_.push_back(fmt::format(
                "{} has {} bytes, more than jute.maxbuffer ({}) lets a server read; raise it in "
                "server.config and zkprov apply that first, with flavor: {}",
                survey.largest,
                survey.largest_bytes,
                limit,
                to_string(from_)));
        }
        if (!survey.config_version.empty() && survey.config_version != "0") {
            words_.push_back(fmt::format(
                "the configuration of the members has version {}: a reconfig, or "
                "reconfigEnabled, has taken it out of zoo.cfg, where the other server looks for "
                "it",
                survey.config_version));
        }
    }

    const inventory::Inventory& inventory_;
    const std::vector<Member>& members_;
    Flavor to_;
    Flavor from_;
    std::vector<std::string> words_;
};

/// Of equal histories the highest id wins, and whoever has seen most; all that are in sync may have seen the same.
std::optional<ServerId> next_leader(const std::vector<Member>& members, ServerId leaves) {
    std::optional<ServerId> best;
    for (const Member& member : members) {
        const bool able = member.actual->in_sync && member.node->id != leaves;
        if (able && (!best || member.node->id > *best)) best = member.node->id;
    }
    return best;
}

/// What a server of ours takes and does nothing with, and the one key of ours that Apache's does not know.
void add_key_notes(const NodeSpec& wanted, std::vector<std::string>& lines) {
    if (wanted.release.flavor == Flavor::apache) {
        if (!value_in(settings_of(wanted), "clientLoops").empty()) {
            lines.emplace_back("note: clientLoops means nothing to Apache's server");
        }
        return;
    }
    const FileSpec* const file = file_at(wanted, wanted.conf_path);
    if (file == nullptr) return;
    const auto config = ensemble::parse_zoo_cfg(file->content, "zoo.cfg");
    if (!config) return;
    for (const std::string& warning : config->warnings) lines.push_back("note: " + warning);
}

/// Which program it is, for people.
std::string release_words(const NodeSpec& spec) {
    return spec.container ? "(image " + spec.container->image + ")" : spec.release.version;
}

}  // namespace

Flavor flavor_of(const inventory::Inventory& inventory) {
    return inventory.apache ? Flavor::apache : Flavor::zkserver;
}

std::string_view server_words(Flavor flavor) {
    return flavor == Flavor::apache ? "Apache's server" : "zkprov's own server";
}

bool is_to_move(const Member& member) {
    return !member.facts->release_flavor.empty() &&
           member.facts->release_flavor != to_string(member.wanted->release.flavor);
}

const NodeSpec* before_move(const Member& member) {
    for (const auto* spec : {&member.facts->applied, &member.facts->before}) {
        if (*spec && plan::flavor_word(**spec) != plan::flavor_word(*member.wanted)) return &**spec;
    }
    return nullptr;
}

std::vector<std::string> refusals(const inventory::Inventory& inventory,
                                  const std::vector<Member>& members,
                                  const std::optional<agent_api::DataSurvey>& survey) {
    return Judge(inventory, members).judge(survey);
}

std::vector<std::string> announcement(const inventory::Inventory& inventory,
                                      const std::vector<Member>& members,
                                      const plan::Plan& plan) {
    std::vector<std::string> lines;
    const Flavor to = flavor_of(inventory);
    std::optional<ServerId> leaves;
    const NodeSpec* wanted = nullptr;
    for (const plan::Wave& wave : plan.waves) {
        for (const plan::NodeStep& step : wave.nodes) {
            const auto member = std::ranges::find_if(
                members, [&](const Member& each) { return each.node->id == step.id; });
            if (member == members.end() || !is_to_move(*member)) continue;
            wanted = member->wanted;
            if (member->actual->leads) leaves = step.id;
            const NodeSpec* const before = before_move(*member);
            lines.push_back(
                fmt::format("move node {}: {} {} to {} {}; a copy of its data first: {} new, {} "
                            "shared with it by hard links",
                            step.id,
                            member->facts->release_flavor,
                            before == nullptr ? "?" : release_words(*before),
                            to_string(to),
                            release_words(*wanted),
                            mebibytes(member->facts->data.copy_bytes),
                            mebibytes(member->facts->data.link_bytes)));
        }
    }
    for (const Member& member : members) {
        if (!is_to_move(member)) {
            lines.push_back(
                fmt::format("node {} has {} already", member.node->id, server_words(to)));
        }
    }
    if (leaves) {
        const auto next = next_leader(members, *leaves);
        lines.push_back(fmt::format(
            "server {} leads until its turn, the last: one election; of servers with equal "
            "histories the highest id wins it{}",
            *leaves,
            next ? fmt::format(", so server {} is expected to lead then", *next) : ""));
    }
    if (wanted != nullptr) add_key_notes(*wanted, lines);
    return lines;
}

}  // namespace zk::migration
