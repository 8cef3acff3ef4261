// The commands of zkprov, from an inventory to an exit code.
// Shell. Each runs the phases of its recipe in order; a phase that fails ends the run with its
// reason.
#pragma once

#include "agent_api/node_log.h"
#include "importing/importing.h"
#include "inventory/inventory.h"
#include "phases/fleet.h"

namespace zk::phases {

/// Makes the hosts what the inventory says. A second run changes nothing.
ExitCode run_apply(const inventory::Inventory& inventory,
                   const RunSettings& settings,
                   Console& console);

enum class ChangesCode { no, yes };
/// Prints what run_apply would do. With ChangesCode::yes a plan that is not empty ends with
/// ExitCode::changes.
ExitCode run_plan(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  ChangesCode changes_code);

/// Brings back one server on its emptied host while the others keep serving. REQUIRES: `id` is in
/// the inventory.
ExitCode run_replace(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     ServerId id);

struct MigrateRequest {
    bool dry_run = false;  ///< only says what would be done
};
/// Takes the ensemble from the other flavor's server to the inventory's, node by node.
ExitCode run_migrate(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     const MigrateRequest& request);
/// Prints the inventory of the ensemble whose servers run on these hosts; of an inventory only their addresses and logins
/// count. Changes nothing.
ExitCode run_import(const inventory::Inventory& hosts_only,
                    const RunSettings& settings,
                    Console& console,
                    const importing::ImportSettings& import_settings);

/// Prints the health of all nodes.
ExitCode run_status(const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    Console& console);

struct Terminal {
    std::size_t columns = 80;
    std::size_t rows = 24;
};
struct Watch {
    milliseconds interval{2000};
    /// Where stdout goes to, as large as it is now; nothing: to no terminal.
    std::function<std::optional<Terminal>()> terminal;
};
/// Prints the health of all nodes again and again, until it is interrupted or the deadline: on a terminal in place, else
/// one after the other. Ends with the last verdict.
ExitCode run_watch(const inventory::Inventory& inventory,
                   const RunSettings& settings,
                   Console& console,
                   const Watch& watch);

struct UiRequest {
    std::optional<ServerId> node;  ///< whose page; nothing: of the first node that answers
    std::uint16_t port = 0;        ///< of this machine's loopback address; 0: any free one
};
/// Serves a node's page on this machine until it is interrupted; all of it comes over the node's link. Prints the address.
ExitCode run_ui(const inventory::Inventory& inventory,
                const RunSettings& settings,
                Console& console,
                const UiRequest& request);

struct EventsRequest {
    bool explain = false;               ///< the last election in words, instead of a table
    std::optional<milliseconds> since;  ///< only what is not older
};
/// Prints what the nodes remember of their elections. ExitCode::unknown when none answered.
ExitCode run_events(const inventory::Inventory& inventory,
                    const RunSettings& settings,
                    Console& console,
                    const EventsRequest& request);

struct LogsRequest {
    ServerId node;
    agent_api::LogOf of = agent_api::LogOf::server;
    std::int64_t lines = agent_api::kLogLinesStandard;  ///< 0 to agent_api::kLogLinesMax
    bool follow = false;                                ///< until it is interrupted or the deadline
    milliseconds interval{1000};                        ///< from one question to the next
};
/// Prints the last lines of a node's log, and with `follow` what comes behind them. ExitCode::interrupted only without
/// `follow`, which ends in no other way; what an agent cannot give while it is followed is said once, and asked for again.
/// REQUIRES: the node is in the inventory.
ExitCode run_logs(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  const LogsRequest& request);

/// Starts or stops the servers of all nodes.
ExitCode run_control(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     agent_api::ControlAction action);

enum class QuorumLoss { refused, accepted };
struct WipeRequest {
    ServerId node;
    std::string confirmed;  ///< the cluster's name, as in run_lock_break
    QuorumLoss quorum_loss = QuorumLoss::refused;
};
/// Stops one server and moves its data and logs away on its host; nothing is deleted. Refused while the other voters
/// are no majority in sync. REQUIRES: the node is in the inventory.
ExitCode run_wipe(const inventory::Inventory& inventory,
                  const RunSettings& settings,
                  Console& console,
                  const WipeRequest& request);

enum class DataFate { kept, deleted };
enum class Unreachable { refused, skipped };
struct DestroyRequest {
    std::string confirmed;  ///< the cluster's name, as in run_lock_break
    DataFate data = DataFate::kept;
    Unreachable unreachable = Unreachable::refused;
    bool dry_run = false;  ///< only says what would go, and what would stay
};
/// Takes the ensemble away from its hosts: servers, units, containers, programs, records, and the data where it is asked
/// for. Hosts on which nothing is installed are passed over; nothing anywhere is ExitCode::done, too.
ExitCode run_destroy(const inventory::Inventory& inventory,
                     const RunSettings& settings,
                     Console& console,
                     const DestroyRequest& request);

/// Prints who holds the run lock, node by node.
ExitCode run_lock_show(const inventory::Inventory& inventory,
                       const RunSettings& settings,
                       Console& console);
/// Takes the run lock away from whoever holds it. `confirmed`: the cluster's name as it was given on
/// the command line; empty: a person is asked for it.
ExitCode run_lock_break(const inventory::Inventory& inventory,
                        const RunSettings& settings,
                        Console& console,
                        const std::string& confirmed);

/// Says why a command ended early, in the form that was asked for.
void report_stop(Console& console, const std::string& command, const Stop& stop);

}  // namespace zk::phases
