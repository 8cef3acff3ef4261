// What a step says to people. Part of node_plan.
#include "node_plan/node_plan.h"

namespace zk::node_plan {
namespace {

std::string_view verb(StepKind kind) {
    switch (kind) {
        case StepKind::make_user:
            return "make the user ";
        case StepKind::make_directory:
            return "make the directory ";
        case StepKind::install_release:
            return "install the server in ";
        case StepKind::write_file:
            return "write ";
        case StepKind::own_data:
            return "give the server its files in ";
        case StepKind::stop_outside:
            return "stop ";
        case StepKind::install_agent:
            return "install the agent as ";
        case StepKind::switch_release:
            return "switch the release of ";
        case StepKind::write_marker:
            return "mark for forming: ";
        case StepKind::remove_marker:
            return "remove ";
        case StepKind::record_identity:
            return "record this host as ";
        case StepKind::load_image:
            return "load the image ";
        case StepKind::make_network:
            return "make the network ";
        case StepKind::make_container:
            return "make the container ";
        case StepKind::reload_systemd:
            return "reload systemd";
        case StepKind::enable_unit:
            return "enable ";
        case StepKind::start_agent:
            return "start ";
        case StepKind::restart_agent:
            return "restart ";
        case StepKind::start_server:
            return "start ";
        case StepKind::restart_server:
            return "restart ";
        case StepKind::record_applied:
            return "record the specification";
        case StepKind::stop_server:
            return "stop ";
        case StepKind::copy_data:
            return "copy the data of ";
    }
    return "";
}

}  // namespace

std::string Step::words() const { return std::string(verb(kind)) + target + ": " + why; }

}  // namespace zk::node_plan
