#include "node_plan/node_plan.h"

#include <algorithm>
#include <cstdio>

#include "agent_api/agent_errc.h"
#include "agent_api/digest.h"
#include "agent_api/subnet.h"

namespace zk::node_plan {
namespace {

using agent_api::AgentErrc;
using agent_api::AgentError;
using agent_api::DataState;
using agent_api::FileKind;
using agent_api::Manager;
using agent_api::NodeFacts;
using agent_api::NodeSpec;
using agent_api::OutsideLeave;
using agent_api::PathFact;
using agent_api::UnitFact;

bool is_active(const UnitFact* unit) {
    return unit != nullptr &&
           (unit->state == "active" || unit->state == "activating" || unit->state == "reloading");
}
std::string octal(std::uint32_t mode) {
    char text[16];
    std::snprintf(text, sizeof text, "%04o", mode);
    return text;
}
/// "user" stands for "user:user".
std::string full_owner(const std::string& owner) {
    if (owner.empty() || owner.find(':') != std::string::npos) return owner;
    return owner + ":" + owner;
}

/// By name or by number; whoever it is, where nothing is asked for.
bool has_owner(const PathFact& there, const std::string& owner) {
    const std::string full = full_owner(owner);
    return owner.empty() || there.owner == full || there.owner_ids == full;
}

class Planner {
  public:
    Planner(
        const NodeSpec& spec, const NodeFacts& facts, bool marker, Copy copy, OutsideLeave leave)
        : spec_(spec),
          facts_(facts),
          marker_(marker),
          leave_(leave),
          copies_(copy == Copy::yes && facts.data.state == DataState::data &&
                  !facts.release_flavor.empty() &&
                  facts.release_flavor != to_string(spec.release.flavor)) {}

    Decision make() {
        if (auto wrong = check_manager()) return *wrong;
        if (auto wrong = check_container()) return *wrong;
        if (auto wrong = check_ports()) return *wrong;
        if (auto wrong = check_kinds()) return *wrong;
        if (auto wrong = check_outside()) return *wrong;
        plan_copy();
        plan_user();
        plan_directories(!facts_.outside);
        plan_release();
        plan_files(!facts_.outside);
        plan_agent_program();
        if (auto wrong = check_room()) return *wrong;
        plan_network();
        plan_marker_and_identity();
        if (auto wrong = plan_take_over()) return *wrong;
        plan_systemd();
        plan_agent();
        plan_container();
        plan_server();
        plan_record();
        return std::move(plan_);
    }

  private:
    void add(StepKind kind, std::string target, std::string why) {
        plan_.steps.push_back(Step{kind, std::move(target), std::move(why)});
    }
    [[nodiscard]] bool owes(StepKind kind) const {
        return std::find(facts_.pending.begin(), facts_.pending.end(), to_string(kind)) !=
               facts_.pending.end();
    }

    std::optional<AgentError> check_manager() const {
        if (copies_ && spec_.manager == Manager::supervised) {
            return AgentError{AgentErrc::unsupported,
                              "only a server under systemd or in a container changes its flavor"};
        }
        const bool systemd = spec_.agent_is_unit();
        if (systemd && !facts_.systemd) {
            return AgentError{AgentErrc::unsupported,
                              "systemd does not run this host, and the inventory asks for it"};
        }
        if (facts_.uid != 0 && (systemd || spec_.container || !spec_.user.empty())) {
            return AgentError{AgentErrc::no_right,
                              "the agent runs as user id " + std::to_string(facts_.uid) +
                                  ", but units, users and what belongs to them need root; let the "
                                  "login user become "
                                  "root by sudo without a password, or log in as root"};
        }
        return std::nullopt;
    }

    std::optional<AgentError> check_container() {
        if (!spec_.container) return std::nullopt;
        if (!facts_.container) {
            return AgentError{AgentErrc::unsupported, "the agent says nothing of its engine"};
        }
        const agent_api::ContainerSpec& wanted = *spec_.container;
        const agent_api::ContainerFacts& there = *facts_.container;
        if (!there.failure.empty()) return AgentError{AgentErrc::failed, there.failure};
        if (!there.data_user.empty() && !facts_.outside) {
            return data_in_use(wanted, there.data_user);
        }
        const bool serves = facts_.outside && facts_.outside->held_by &&
                            facts_.outside->held_by->name == wanted.name;
        if (there.exists && !there.ours && !serves) {
            return AgentError{AgentErrc::identity_conflict,
                              "there is a container " + wanted.name + " already, and it is " +
                                  there.holder +
                                  "; it is not touched: give the node another name (container) in "
                                  "the inventory, or rename that one"};
        }
        if (facts_.data.myid && *facts_.data.myid != spec_.sid) {
            return AgentError{
                AgentErrc::identity_conflict,
                spec_.data_dir + "/myid says " + to_string(*facts_.data.myid) +
                    ", this is server " + to_string(spec_.sid) +
                    "; correct the directories in the inventory, or move that one away"};
        }
        loads_image_ =
            !wanted.archive_sha256.empty() && there.archive_sha256 != wanted.archive_sha256;
        if (!loads_image_ && there.image_id.empty()) {
            return AgentError{
                AgentErrc::not_found,
                "the image " + wanted.image +
                    " is not on this host; bring it there (docker pull, docker load), "
                    "or name its archive as docker.archive in the inventory"};
        }
        return check_network();
    }

    /// It is no server whose place zkprov's can take.
    [[nodiscard]] AgentError data_in_use(const agent_api::ContainerSpec& wanted,
                                         const std::string& user) const {
        const std::string rename =
            user == wanted.name ? "; docker rename " + user + " " + user + ".before-zkprov" : "";
        return {
            AgentErrc::identity_conflict,
            "the container " + user + " runs on the data in " + spec_.data_dir +
                ", and it is not this node's, nor a ZooKeeper server that is laid out as the "
                "official image's; it is not touched, and two programs would damage them. To put "
                "zkprov's own in its place, on the same data, at a time when it may "
                "stop: docker update --restart=no " +
                user + "; docker stop " + user + rename + "; then zkprov apply"};
    }

    /// The network by the name is as it should be, or there is room for one.
    std::optional<AgentError> check_network() {
        const agent_api::NetworkSpec& wanted = spec_.container->network;
        if (wanted.driver != agent_api::NetworkDriver::bridge) return std::nullopt;
        for (const agent_api::SubnetFact& network : facts_.container->networks) {
            if (network.name != wanted.name) continue;
            makes_network_ = false;
            const bool same = network.driver == to_string(wanted.driver) &&
                              network.subnet == wanted.subnet &&
                              (network.gateway == wanted.gateway || wanted.gateway.empty());
            if (same) return std::nullopt;
            return AgentError{AgentErrc::failed,
                              "the network " + wanted.name + " is there already as " +
                                  network.driver + " " + network.subnet + " with the gateway " +
                                  (network.gateway.empty() ? "of nobody" : network.gateway) +
                                  "; write that into the inventory, or another name"};
        }
        makes_network_ = true;
        const auto subnet = agent_api::parse_subnet(wanted.subnet);
        if (!subnet) return AgentError{AgentErrc::invalid, "no subnet: " + wanted.subnet};
        if (auto wrong = check_overlap(*subnet, facts_.container->networks, "the network ")) {
            return wrong;
        }
        return check_overlap(*subnet, facts_.container->routes, "a route of this host, behind ");
    }

    static std::optional<AgentError> check_overlap(const agent_api::Subnet& subnet,
                                                   const std::vector<agent_api::SubnetFact>& others,
                                                   std::string_view what) {
        for (const agent_api::SubnetFact& each : others) {
            const auto other = agent_api::parse_subnet(each.subnet);
            if (!other || !other->overlaps(subnet)) continue;
            return AgentError{AgentErrc::failed,
                              "the subnet " + to_string(subnet) + " overlaps with " +
                                  std::string(what) + each.name + " (" + each.subnet +
                                  "); choose another one as docker.network in the inventory, "
                                  "with addresses in it"};
        }
        return std::nullopt;
    }

    /// First of all: should it fail, everything else is as it was.
    void plan_copy() {
        if (!copies_) return;
        if (is_active(facts_.unit(spec_.server_unit))) {
            add(StepKind::stop_server, spec_.server_unit, "its data are copied");
        }
        add(StepKind::copy_data, spec_.data_dir, "another server takes it over");
    }

    std::optional<AgentError> check_ports() const {
        for (const auto& port : facts_.ports) {
            if (port.ours) continue;
            return AgentError{AgentErrc::port_taken,
                              "port " + std::to_string(port.port) + " is taken by " +
                                  (port.owner.empty() ? "another program" : port.owner) +
                                  "; stop it, or give the node another port in the inventory"};
        }
        return std::nullopt;
    }

    /// Whether the host's record, or its data, say that it is the node that it shall be.
    [[nodiscard]] bool is_known() const {
        const auto& record = facts_.identity;
        return record && record->cluster == spec_.cluster && record->sid == spec_.sid &&
               record->generation == spec_.generation;
    }

    std::optional<AgentError> check_outside() const {
        if (!facts_.outside) return std::nullopt;
        const std::string words = words_of(*facts_.outside);
        if (facts_.outside->container && !facts_.outside->held_by) {
            return AgentError{AgentErrc::unsupported,
                              words + " serves from " + spec_.data_dir +
                                  " in a container, and the inventory does not say runtime: "
                                  "docker; zkprov import writes one that does, or stop it there"};
        }
        if (is_known()) return std::nullopt;
        if (leave_ != OutsideLeave::adopt) {
            return AgentError{AgentErrc::port_taken,
                              words + " serves from " + spec_.data_dir +
                                  " already, and zkprov did not start it; zkprov apply --adopt "
                                  "takes it in as it is, without a restart"};
        }
        return check_nothing_replaced();
    }

    /// Files that somebody else's server may use.
    std::optional<AgentError> check_nothing_replaced() const {
        for (const auto& file : spec_.files) {
            const PathFact* there = facts_.path(file.path);
            const bool own = file.path.starts_with(spec_.install_dir + "/");
            if (there == nullptr || !own || spec_.waits_for_unit(file.path)) continue;
            if (file.path == spec_.data_dir + "/" + std::string(agent_api::kDataOwnerFile))
                continue;
            if (there->sha256 == agent_api::sha256_hex(file.content)) continue;
            return AgentError{AgentErrc::failed,
                              file.path + " is there and not zkprov's, and " +
                                  words_of(*facts_.outside) +
                                  " may use it; name a directory of its own as "
                                  "server.install_dir (zkprov import proposes one)"};
        }
        return std::nullopt;
    }

    /// A file where a directory belongs, or the reverse: found out now, and not half-way through.
    std::optional<AgentError> check_kinds() const {
        const auto check = [&](const std::string& path,
                               bool directory) -> std::optional<AgentError> {
            const PathFact* there = facts_.path(path);
            if (there == nullptr || there->directory == directory) return std::nullopt;
            return AgentError{AgentErrc::failed,
                              path + (directory ? " is not a directory" : " is a directory") +
                                  "; move it away, or choose other directories in the inventory"};
        };
        for (const auto& directory : spec_.directories) {
            if (auto wrong = check(directory.path, true)) return wrong;
        }
        for (const auto& file : spec_.files) {
            if (auto wrong = check(file.path, false)) return wrong;
        }
        return std::nullopt;
    }

    std::optional<AgentError> check_room() const {
        const auto check = [&](const std::string& path,
                               std::uint64_t needed) -> std::optional<AgentError> {
            const auto* space = facts_.space_at(path);
            if (space == nullptr) return std::nullopt;
            if (space->read_only) {
                return AgentError{AgentErrc::failed, path + " lies on a read-only file system"};
            }
            if (space->free_bytes >= needed) return std::nullopt;
            return agent_api::no_room(path, needed, space->free_bytes);
        };
        if (plan_.steps.empty()) return std::nullopt;
        const std::uint64_t program =
            installs_release_ ? std::max(spec_.release.size, spec_.release.unpacked_bytes) : 0;
        if (auto full = check(spec_.install_dir, program + kFreeBytesLeast)) return full;
        const std::uint64_t copy = copies_ ? facts_.data.copy_bytes : 0;
        if (auto full = check(spec_.data_dir, copy + kFreeBytesLeast)) return full;
        return check(spec_.log_dir, kFreeBytesLeast);
    }

    void plan_user() {
        if (spec_.user.empty() || (facts_.user_exists && facts_.group_exists)) return;
        add(StepKind::make_user, spec_.user, "it does not exist");
    }

    void plan_directory(const std::string& path, std::uint32_t mode, const std::string& owner) {
        const PathFact* there = facts_.path(path);
        if (there == nullptr) return add(StepKind::make_directory, path, "it does not exist");
        if (there->mode != mode) {
            return add(StepKind::make_directory,
                       path,
                       "its mode is " + octal(there->mode) + " and should be " + octal(mode));
        }
        if (!has_owner(*there, owner)) {
            add(StepKind::make_directory,
                path,
                "its owner is " + there->owner + " and should be " + full_owner(owner));
        }
    }

    /// `all`: also those that wait for the unit.
    void plan_directories(bool all) {
        for (const auto& directory : spec_.directories) {
            if (!all && spec_.waits_for_unit(directory.path)) continue;
            plan_directory(directory.path, directory.mode, directory.owner);
        }
        if (all) plan_owner_of_data();
    }

    void plan_owner_of_data() {
        if (facts_.others_file.empty()) return;
        add(StepKind::own_data,
            spec_.data_dir,
            facts_.others_file + " belongs to another user than " + spec_.user);
    }

    void plan_release() {
        if (spec_.container) return plan_image();
        const std::string target = "releases/" + spec_.release.version;
        const bool right_program = facts_.release_sha256 == spec_.release.sha256;
        if (right_program && facts_.release_target == target) return;
        switches_release_ = true;
        server_why_ = "its program changes";
        // It was there before, and was kept.
        if (facts_.kept_sha256 == spec_.release.sha256) return;
        installs_release_ = true;
        if (facts_.release_sha256.empty()) {
            add(StepKind::install_release, spec_.release_dir(), "there is no server program yet");
            if (facts_.outside) return;
        } else {
            add(StepKind::install_release,
                spec_.release_dir(),
                right_program ? "the program belongs there" : "the server program differs");
        }
    }

    void plan_image() {
        if (!loads_image_) return;
        add(StepKind::load_image,
            spec_.container->image,
            facts_.container->image_id.empty() ? "it is not there"
                                               : "it did not come from this archive");
    }

    void plan_network() {
        if (!spec_.container || !makes_network_) return;
        add(StepKind::make_network, spec_.container->network.name, "it does not exist");
    }

    void plan_container() {
        if (!spec_.container || (facts_.outside && !takes_over_)) return;
        const agent_api::ContainerFacts& there = *facts_.container;
        std::string why;
        if (takes_over_) {
            why = "it takes the place of " + facts_.outside->held_by->name;
        } else if (!there.exists) {
            why = "it does not exist";
        } else if (!there.flavor.empty() && there.flavor != to_string(spec_.release.flavor)) {
            why = "another server takes its place, " + there.flavor + " is there";
        } else if (there.spec_hash != hash_of(*spec_.container)) {
            why = "its settings change";
        } else if (loads_image_ || there.container_image_id != there.image_id) {
            why = "its image changes";
        }
        if (why.empty()) return;
        makes_container_ = true;
        add(StepKind::make_container, spec_.container->name, why);
    }

    /// `all`: also those that wait for the unit.
    void plan_files(bool all) {
        for (const auto& file : spec_.files) {
            if (all || !spec_.waits_for_unit(file.path)) plan_file(file);
        }
    }

    void plan_file(const agent_api::FileSpec& file) {
        const PathFact* there = facts_.path(file.path);
        std::string why;
        bool content = true;
        if (there == nullptr) {
            why = "it does not exist";
        } else if (there->sha256 != agent_api::sha256_hex(file.content)) {
            why = "its content differs";
        } else {
            content = false;
            if (there->mode != file.mode) {
                why = "its mode is " + octal(there->mode) + " and should be " + octal(file.mode);
            } else if (!file.owner.empty() && !has_owner(*there, file.owner)) {
                why = "its owner is " + there->owner + " and should be " + full_owner(file.owner);
            }
        }
        if (why.empty()) return;
        add(StepKind::write_file, file.path, why);
        if (!content) return;
        // A server outside of its unit never had that file: nothing changes for it.
        const bool is_new = facts_.outside && there == nullptr && file.kind == FileKind::config;
        if (!is_new) note_changed(file.path, file.kind);
    }

    void note_changed(const std::string& path, FileKind kind) {
        const std::string name = path.substr(path.rfind('/') + 1);
        if (kind == FileKind::unit) {
            reload_ = true;
            if (name == spec_.server_unit) server_why_ = "its unit changes";
            if (name == spec_.agent_unit) agent_why_ = "its unit changes";
        }
        if (kind == FileKind::config) server_why_ = name + " changes";
    }

    void plan_agent_program() {
        if (!spec_.agent_is_unit()) return;
        if (facts_.installed_agent_sha256 == facts_.agent_sha256) return;
        add(StepKind::install_agent,
            spec_.resident_agent_path(),
            facts_.installed_agent_sha256.empty() ? "it does not exist" : "another one is there");
    }

    void plan_marker_and_identity() {
        if (switches_release_) {
            add(StepKind::switch_release,
                spec_.install_dir + "/current",
                facts_.release_target.empty() ? "no release is current"
                                              : "it points to " + facts_.release_target);
        }
        if (marker_) {
            add(StepKind::write_marker,
                spec_.log_dir + "/initialize",
                "a new ensemble is formed, and no member holds data");
        }
        const bool empty = facts_.data.state != DataState::data;
        const bool forming = spec_.formation == agent_api::Formation::form && empty;
        if (!forming && empty && facts_.data.initialize) {
            add(StepKind::remove_marker,
                spec_.log_dir + "/initialize",
                "this server joins, and with it would vote for an empty database");
        }
        const auto& record = facts_.identity;
        const bool recorded = record && record->cluster == spec_.cluster &&
                              record->sid == spec_.sid && record->generation == spec_.generation &&
                              record->incarnation == spec_.incarnation &&
                              record->data_dir == spec_.data_dir && (record->formed || !forming);
        if (recorded) return;
        add(StepKind::record_identity,
            "server " + to_string(spec_.sid) + " of " + spec_.cluster,
            record ? "the record differs" : "this host has no record of it");
    }

    /// The unit or the container in the place of a server outside of it: all that has waited for this, in one go.
    std::optional<AgentError> plan_take_over() {
        if (!facts_.outside || !is_known()) return std::nullopt;
        if (leave_ != OutsideLeave::take_over && server_why_.empty()) return std::nullopt;
        const agent_api::OutsideServer& server = *facts_.outside;
        if (!server.held_by && server.unit.empty() && server.parent != 1) {
            return AgentError{
                AgentErrc::unsafe,
                words_of(server) + " is a child of " + server.parent_name + " (" +
                    std::to_string(server.parent) +
                    "), which may start it again; stop it there, then run the command "
                    "again"};
        }
        takes_over_ = true;
        add(StepKind::stop_outside,
            words_of(server),
            server_why_.empty() ? own_words() + " takes its place" : server_why_);
        plan_.restarts_server = true;
        for (const auto& directory : spec_.directories) {
            if (!spec_.waits_for_unit(directory.path)) continue;
            plan_directory(directory.path, directory.mode, directory.owner);
        }
        plan_owner_of_data();
        for (const auto& file : spec_.files) {
            if (spec_.waits_for_unit(file.path)) plan_file(file);
        }
        return std::nullopt;
    }

    [[nodiscard]] std::string own_words() const {
        return spec_.container ? "zkprov's own container" : spec_.server_unit;
    }

    void plan_systemd() {
        if (!spec_.agent_is_unit()) return;
        if (reload_ || owes(StepKind::reload_systemd)) {
            add(StepKind::reload_systemd, "", "unit files change");
        }
        for (const std::string& name : {spec_.agent_unit, spec_.server_unit}) {
            if (name == spec_.server_unit && facts_.outside && !takes_over_) continue;
            const UnitFact* unit = facts_.unit(name);
            if (unit != nullptr && unit->enabled) continue;
            if (spec_.container && name == spec_.server_unit) continue;  // its engine starts it
            add(StepKind::enable_unit, name, "it does not start at boot");
        }
    }

    void plan_agent() {
        const UnitFact* unit = facts_.unit(spec_.agent_unit);
        const bool runs = spec_.agent_is_unit() ? is_active(unit) : facts_.resident_agent;
        if (!runs) return add(StepKind::start_agent, spec_.agent_unit, "it does not run");
        if (facts_.resident_agent && facts_.resident_agent_sha256 != facts_.agent_sha256) {
            agent_why_ = "it is another build";
        }
        if (agent_why_.empty() && owes(StepKind::restart_agent)) agent_why_ = "still owed";
        if (!agent_why_.empty()) add(StepKind::restart_agent, spec_.agent_unit, agent_why_);
    }

    void plan_server() {
        if (facts_.outside) {
            if (takes_over_) add(StepKind::start_server, spec_.server_unit, "in its place");
            return;
        }
        if (!is_active(facts_.unit(spec_.server_unit))) {
            plan_.starts_server = true;
            return add(StepKind::start_server, spec_.server_unit, "it does not run");
        }
        if (copies_) {
            plan_.restarts_server = true;
            return add(StepKind::start_server, spec_.server_unit, "it was stopped for the copy");
        }
        if (makes_container_) {
            // The old one was stopped for the new one.
            plan_.restarts_server = true;
            return add(StepKind::start_server, spec_.server_unit, "its container is another one");
        }
        if (server_why_.empty() && !facts_.running_sha256.empty() &&
            facts_.running_sha256 != spec_.release.sha256) {
            server_why_ = "it still runs another program";
        }
        if (server_why_.empty() && owes(StepKind::restart_server)) {
            server_why_ = "an interrupted apply still owes it";
        }
        if (server_why_.empty()) return;
        plan_.restarts_server = true;
        add(StepKind::restart_server, spec_.server_unit, server_why_);
    }

    void plan_record() {
        const std::string wanted = agent_api::hash_of(spec_);
        const bool recorded = facts_.identity && facts_.identity->spec_hash == wanted;
        if (recorded && (!facts_.interrupted || !plan_.steps.empty())) return;
        add(StepKind::record_applied,
            "",
            recorded ? "an interrupted apply is finished"
            : facts_.outside && !takes_over_
                ? "the specification is what a take-over will bring about"
                : "the specification changes");
    }

    const NodeSpec& spec_;
    const NodeFacts& facts_;
    bool marker_;
    OutsideLeave leave_;
    bool takes_over_ = false;
    NodePlan plan_;
    bool copies_;  ///< another flavor's server is there, and its data are to be kept
    bool installs_release_ = false;
    bool switches_release_ = false;
    bool reload_ = false;
    bool loads_image_ = false;
    bool makes_network_ = false;
    bool makes_container_ = false;
    std::string server_why_;
    std::string agent_why_;
};

}  // namespace

Decision make_plan(
    const NodeSpec& spec, const NodeFacts& facts, bool marker, Copy copy, OutsideLeave outside) {
    return Planner(spec, facts, marker, copy, outside).make();
}

}  // namespace zk::node_plan
