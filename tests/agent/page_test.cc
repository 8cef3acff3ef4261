// The files of the agent's web page, as they are in the program.
#include "agent_page/page.h"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::agent_page {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Page, FilesAreWholeAndTyped) {
    const File* const page = find_file("/");
    ASSERT_NE(page, nullptr);
    EXPECT_EQ(page->type, "text/html; charset=utf-8");
    EXPECT_TRUE(page->content.starts_with("<!doctype html>"));
    EXPECT_TRUE(page->content.ends_with("</html>\n"));
    for (const char* const path : {"/page.css", "/page.js", "/timeline.js", "/icon.svg"}) {
        const File* const file = find_file(path);
        ASSERT_NE(file, nullptr) << path;
        EXPECT_GT(file->content.size(), 200U) << path;
    }
    EXPECT_EQ(find_file("/timeline.js")->type, "text/javascript; charset=utf-8");
    EXPECT_EQ(find_file("/page.css")->type, "text/css; charset=utf-8");
    EXPECT_EQ(find_file("/index.html"), nullptr);
    EXPECT_EQ(find_file(""), nullptr);
}

/// The listener's Content-Security-Policy would refuse these; what nodes say is text and nothing else.
TEST(Page, NothingInlineAndNothingFromElsewhere) {
    for (const char* const path : {"/", "/page.css", "/page.js", "/timeline.js", "/icon.svg"}) {
        std::string content(find_file(path)->content);
        const std::string svg_name = "http://www.w3.org/2000/svg";
        for (auto at = content.find(svg_name); at != std::string::npos;
             at = content.find(svg_name)) {
            content.erase(at, svg_name.size());
        }
        for (const char* const word : {"://",
                                       "innerHTML",
                                       "outerHTML",
                                       "insertAdjacentHTML",
                                       "document.write",
                                       "eval(",
                                       " style=",
                                       " onclick=",
                                       "javascript:",
                                       "@import",
                                       "url(h",
                                       "<script>",
                                       "<style"}) {
            EXPECT_THAT(content, Not(HasSubstr(word))) << path;
        }
    }
    EXPECT_THAT(std::string(find_file("/")->content), HasSubstr("src=\"/page.js\""));
}

}  // namespace
}  // namespace zk::agent_page
