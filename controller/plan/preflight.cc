#include "plan/preflight.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "base/log.h"
#include "base/numbers.h"
#include "ensemble/ensemble_config.h"
#include "inventory/ranges.h"
#include "plan/incarnations.h"
#include "plan/rights.h"

namespace zk::plan {
namespace {

using inventory::Inventory;
using inventory::Transport;

class Checker {
  public:
    Checker(const Inventory& inventory, const NodeActual& actual, std::vector<Finding>& findings)
        : inventory_(inventory), actual_(actual), findings_(findings) {}

    void check_arch(const std::string& release_arch) {
        if (actual_.arch.empty() || actual_.arch == release_arch) return;
        error(fmt::format("is a {} machine, the release is for {}; use a release built for it",
                          actual_.arch,
                          release_arch));
    }

    void check_rights() {
        const bool needs_root = inventory_.transport != Transport::local || inventory_.docker;
        if (!needs_root || actual_.root) return;
        std::string words =
            "the agent does not run as root; log in as root, or give the user passwordless sudo "
            "(NOPASSWD) and leave ssh.sudo at auto";
        if (inventory_.docker) words.append("; ").append(kDockerGroupIsNotEnough);
        error(std::move(words));
    }

    void check_identity() {
        // A record of an apply that never led to an ensemble binds nobody.
        if (!actual_.identity || !actual_.formed()) return;
        const Identity& identity = *actual_.identity;
        if (identity.cluster == inventory_.cluster && identity.id == actual_.id) return;
        error(fmt::format(
            "belongs to ensemble \"{}\" as server {} already; correct the inventory, or "
            "wipe the host first",
            identity.cluster,
            identity.id));
    }

    void check_replaced(const std::vector<NodeActual>& actuals) {
        if (auto words = words_if_replaced(actual_, actuals); !words.empty()) {
            error(std::move(words));
        }
    }

    /// Two servers with one id could give one voter's vote twice: whatever is started or joins now
    /// makes that more likely.
    void check_speaker() {
        if (!actual_.speaks_as || *actual_.speaks_as == actual_.id) return;
        error(
            fmt::format("its server speaks as server {}, this is server {}; stop it and put the "
                        "right disk or myid in place (zkprov status says more)",
                        *actual_.speaks_as,
                        actual_.id));
    }

    void check_space() {
        for (const Space& space : actual_.spaces) {
            if (space.read_only) {
                error(
                    fmt::format("{} is mounted read-only; remount it, or choose another directory",
                                space.path));
            } else if (space.free_bytes < kFreeBytesLeast) {
                error(
                    fmt::format("{} has {} free, at least {} are needed; make room or choose "
                                "another directory",
                                space.path,
                                mebibytes(space.free_bytes),
                                mebibytes(kFreeBytesLeast)));
            } else if (space.free_bytes < kFreeBytesAdvised) {
                warn(fmt::format("{} has only {} free", space.path, mebibytes(space.free_bytes)));
            }
        }
    }

    void check_ports() {
        for (const TakenPort& taken : actual_.taken_ports) {
            error(
                fmt::format("port {} is taken by {}; stop it, or choose another port in the "
                            "inventory",
                            taken.port,
                            taken.by.empty() ? "another program" : taken.by));
        }
    }

    void check_flavor() {
        // What was installed and never formed an ensemble binds nobody.
        if (actual_.other_flavor.empty() || !actual_.formed()) return;
        const bool apache = actual_.other_flavor == "apache";
        error(fmt::format(
            "runs {}, and the inventory asks for {}; zkprov migrate --to {} moves the ensemble, or "
            "write flavor: {} under server",
            apache ? "Apache's server" : "zkprov's own server",
            apache ? "zkprov's own" : "Apache's",
            apache ? "zkserver" : "apache",
            actual_.other_flavor));
    }

    /// Whoever is taken in must be who is meant: its directories are the node's, or it would not be here.
    void check_outside() {
        if (!actual_.to_adopt()) return;
        std::vector<std::string> wanted;
        if (inventory_.nodes.size() > 1) {
            for (const inventory::Node& node : inventory_.nodes) {
                wanted.push_back(fmt::format("{}={}:{}:{}",
                                             node.id,
                                             inventory::before_port(node.host),
                                             node.ports.peer,
                                             node.ports.election));
            }
        }
        if (same_members(actual_.outside->members, wanted)) return;
        error(fmt::format(
            "{} runs there with other members ({}) than the inventory names ({}); let zkprov "
            "import write the inventory, or stop that server",
            actual_.outside->words,
            listed(actual_.outside->members),
            listed(wanted)));
    }

    void check_java() {
        if (actual_.java_least == 0) return;
        const std::string_view way_out =
            "install one (on Debian: apt-get install default-jre-headless), or name another "
            "program as server.java in the inventory";
        if (actual_.java_version == 0) {
            error(fmt::format(
                "has no Java to run Apache's server: {}; {}", actual_.java_words, way_out));
        } else if (actual_.java_version < actual_.java_least) {
            error(fmt::format("has Java {} ({}), Apache's server needs {} or later; {}",
                              actual_.java_version,
                              actual_.java_words,
                              actual_.java_least,
                              way_out));
        }
    }

    void check_clock(std::int64_t median_offset_ms) {
        const std::int64_t offset_ms = actual_.clock_offset_ms - median_offset_ms;
        if (std::abs(offset_ms) <= kClockOffsetAdvisedMs) return;
        warn(fmt::format("its clock is {} s {} the others; set up NTP (chrony)",
                         std::abs(offset_ms) / 1000,
                         offset_ms > 0 ? "ahead of" : "behind"));
    }

  private:
    static std::string listed(const std::vector<std::string>& members) {
        std::string text;
        for (const std::string& member : members) text += (text.empty() ? "" : ", ") + member;
        return text.empty() ? "none, alone" : text;
    }
    /// A server alone may have its own line, or none.
    bool same_members(const std::vector<std::string>& one,
                      const std::vector<std::string>& other) const {
        if (inventory_.nodes.size() == 1 && one.size() <= 1) return true;
        return std::ranges::equal(one, other, [](const std::string& a, const std::string& b) {
            const auto first = member_in(a);
            const auto second = member_in(b);
            return first && second && first->sid == second->sid &&
                   first->quorum_port == second->quorum_port &&
                   first->election_port == second->election_port &&
                   ensemble::may_be_same_host(first->host, second->host);
        });
    }
    static std::optional<ensemble::Member> member_in(const std::string& line) {
        const std::size_t equals = line.find('=');
        if (equals == std::string::npos) return std::nullopt;
        const auto sid = ensemble::parse_server_id(line.substr(0, equals));
        if (!sid.has_value()) return std::nullopt;
        auto member = ensemble::parse_member(*sid, line.substr(equals + 1));
        if (!member.has_value()) return std::nullopt;
        return *std::move(member);
    }

    void error(std::string words) {
        findings_.push_back({Finding::Level::error, actual_.id, std::move(words)});
    }
    void warn(std::string words) {
        findings_.push_back({Finding::Level::warning, actual_.id, std::move(words)});
    }

    const Inventory& inventory_;
    const NodeActual& actual_;
    std::vector<Finding>& findings_;
};

std::int64_t median_offset(const std::vector<NodeActual>& actuals) {
    std::vector<std::int64_t> offsets;
    for (const NodeActual& actual : actuals) offsets.push_back(actual.clock_offset_ms);
    if (offsets.empty()) return 0;
    std::ranges::sort(offsets);
    return offsets[offsets.size() / 2];
}

}  // namespace

std::vector<Finding> preflight(const Inventory& inventory,
                               const std::vector<NodeActual>& actuals,
                               const std::string& release_arch,
                               std::optional<ServerId> only,
                               OtherFlavor other_flavor) {
    std::vector<Finding> findings;
    const std::int64_t median_offset_ms = median_offset(actuals);
    for (const NodeActual& actual : actuals) {
        Checker checker(inventory, actual, findings);
        checker.check_identity();
        checker.check_replaced(actuals);
        checker.check_speaker();
        checker.check_clock(median_offset_ms);
        if (only && actual.id != *only) continue;
        checker.check_arch(release_arch);
        checker.check_rights();
        checker.check_space();
        checker.check_ports();
        checker.check_outside();
        if (other_flavor == OtherFlavor::refused) checker.check_flavor();
        checker.check_java();
    }
    return findings;
}

}  // namespace zk::plan
