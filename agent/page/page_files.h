// The files beside this one, as text in the program. The source is generated when the build is configured.
// Internal to this room.
#pragma once

#include <string_view>

namespace zk::agent_page {

extern const std::string_view kHtml;
extern const std::string_view kCss;
extern const std::string_view kScript;
extern const std::string_view kTimeline;
extern const std::string_view kIcon;

}  // namespace zk::agent_page
