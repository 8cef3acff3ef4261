#include "agent_page/page.h"

#include <algorithm>
#include <array>

#include "agent_page/page_files.h"

namespace zk::agent_page {

const File* find_file(std::string_view path) {
    static const std::array<File, 5> files = {{
        {"/", "text/html; charset=utf-8", kHtml},
        {"/page.css", "text/css; charset=utf-8", kCss},
        {"/page.js", "text/javascript; charset=utf-8", kScript},
        {"/timeline.js", "text/javascript; charset=utf-8", kTimeline},
        {"/icon.svg", "image/svg+xml", kIcon},
    }};
    const auto found = std::find_if(
        files.begin(), files.end(), [&](const File& file) { return file.path == path; });
    return found == files.end() ? nullptr : &*found;
}

}  // namespace zk::agent_page
