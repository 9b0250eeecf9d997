export async function getServerSideProps({ req }) {
  req.session.views = (req.session.views ?? 0) + 1
  return { props: { user: req.session.user ?? null, views: req.session.views } }
}

export default function Home({ user, views }) {
  return (
    <p>
      Hello {user ?? 'stranger'}, this is visit {views}
    </p>
  )
}
