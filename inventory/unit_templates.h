// The unit files under systemd/, and the script for operators, as text in the program. The source is generated
// when the build is configured. Used by render, and by the controller's cloud_init.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zk::inventory {

extern const std::string_view kServerUnitTemplate;
extern const std::string_view kAgentUnitTemplate;
/// packaging/zkServer.sh: no template, the same on every host.
extern const std::string_view kServerScript;
/// A drop-in of the server's unit.
extern const std::string_view kStartConditionTemplate;
/// Of hosts without a controller: brings the node into its ensemble.
extern const std::string_view kJoinUnitTemplate;

/// Replaces every @NAME@ by its value. Errors: a name without a value.
Result<std::string> fill_template(std::string_view text,
                                  const std::map<std::string, std::string>& values);

}  // namespace zk::inventory
