// The ensemble's verdict for people (a table and sentences) and for programs (one JSON document).
// Pure. On the way of a health report (docs/ARCHITECTURE.md).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "status/ensemble_judge.h"

namespace zk::status {

enum class Colours { no, yes };

/// Lines of text: the verdict, a row per node, the reasons, and each node's last change of role.
std::string format_report(const EnsembleVerdict& verdict, Colours colours);

/// The same for a terminal that is `columns` wide and shows it again and again: columns give way, sentences are broken.
std::string format_narrow_report(const EnsembleVerdict& verdict,
                                 Colours colours,
                                 std::size_t columns);

/// One document, schema zkprov.status/1, ending with a line end. `exit_code` is what the program
/// will end with.
std::string report_json(const EnsembleVerdict& verdict, int exit_code);

/// One document, schema zkprov.error/1: how a command that was asked for JSON says that it failed.
std::string error_json(const std::string& command,
                       const std::vector<std::string>& messages,
                       int exit_code);

/// One document, schema zkprov.import/1: an inventory as it is written to a file.
std::string import_json(const std::string& inventory);

/// "leader since 20:15:03 (2m 4s); before: follower of 3 in epoch 2, 1h 0m". Empty without history.
std::string format_history(const agent_api::NodeHealth& health);

}  // namespace zk::status
