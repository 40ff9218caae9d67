package aws

import "context"

// clearUser is clear for an IAM user.
func (s *service) clearUser(ctx context.Context, c *clients, what, user string) (context.Context, error) {
	t, err := userThing(ctx, c, user, what)
	if err != nil {
		return nil, err
	}
	return s.clear(ctx, c, what, t)
}
