// The unit files under systemd/, and the scripts for operators, as text in the program. The source is generated
// when the build is configured. Used by render, and by the controller's cloud_init.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "agent_api/node_spec.h"
#include "base/result.h"

namespace zk::inventory {

extern const std::string_view kServerUnitTemplate;
/// Of Apache's server.
extern const std::string_view kApacheUnitTemplate;
extern const std::string_view kAgentUnitTemplate;
/// A drop-in of the server's unit.
extern const std::string_view kStartConditionTemplate;
/// Of hosts without a controller: brings the node into its ensemble.
extern const std::string_view kJoinUnitTemplate;

/// A script for operators: no template, the same on every host.
struct Script {
    std::string_view name;  ///< in packaging/, and below install_dir/bin
    std::string_view text;
};
extern const std::array<Script, 3> kScripts;
/// The same for Apache's server: templates, as the release's own scripts do not know where they are called from.
extern const std::array<Script, 2> kApacheScripts;
/// Where systemd looks for units that an administrator made.
inline constexpr std::string_view kUnitDir = "/etc/systemd/system/";

/// Replaces every @NAME@ by its value. Errors: a name without a value.
Result<std::string> fill_template(std::string_view text,
                                  const std::map<std::string, std::string>& values);
/// What every template may name of a node.
std::map<std::string, std::string> template_values(const agent_api::NodeSpec& spec);
/// A file of root's whose text is a template's. Errors: as fill_template.
Result<agent_api::FileSpec> filled_file(std::string path,
                                        std::uint32_t mode,
                                        agent_api::FileKind kind,
                                        std::string_view text,
                                        const std::map<std::string, std::string>& values);

}  // namespace zk::inventory
